"""What was measured, on which machine, as a table and as JSON."""

from __future__ import annotations

import json
import math
import os
import platform
import shutil
import subprocess
import textwrap
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

WIDTH = 110


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What a figure should be at best or at worst. at_least: more is better."""

    limit: float
    at_least: bool

    def met(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number.

    value: in `unit`; the median where there are several samples.
    aim: None where it only explains another figure.
    commands: what was run; of a ratio both, the upper one first.
    note: what a reader has to know to use the number.
    samples: the repeats that it is the median of, or the course of time.
    """

    name: str
    value: float
    unit: str
    aim: Aim | None = None
    commands: tuple[str, ...] = ()
    note: str = ""
    samples: tuple[float, ...] = ()

    @property
    def passed(self) -> bool | None:
        """Whether it meets its aim; None without one."""
        return None if self.aim is None else self.aim.met(self.value)


def at_least(limit: float) -> Aim:
    return Aim(limit=limit, at_least=True)


def at_most(limit: float) -> Aim:
    return Aim(limit=limit, at_least=False)


def percentile(samples: list[float], percent: float) -> float:
    """Return the smallest sample that so many percent of all do not exceed."""
    ordered = sorted(samples)
    return ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)]


def _machine() -> dict[str, str]:
    """Return what the figures were measured on."""
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": _cpu_model(),
        "cores": str(os.cpu_count()),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "mosquitto": _first_line("mosquitto", "-h"),
        "wrk": _first_line("wrk", "-v") if shutil.which("wrk") else "none: asked by tests.bench.asking",
        "load before (1, 5, 15 min)": load,
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("model name", "Model", "Hardware")):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def _first_line(*command: str) -> str:
    path = shutil.which(command[0], path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if path is None:
        return "none"
    done = subprocess.run([path, *command[1:]], capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).splitlines()[0].strip()


@dataclass(slots=True)
class Report:
    """All figures of one run."""

    machine: dict[str, str] = field(default_factory=_machine)
    figures: dict[str, list[Figure]] = field(default_factory=dict)

    def show(self, measurement: str, figures: list[Figure]) -> None:
        """Add the figures of a measurement and print them."""
        self.figures[measurement] = figures
        print(f"\n{measurement}")
        for figure in figures:
            print(_row(figure))
            for text in filter(None, (figure.note, *figure.commands)):
                print(textwrap.fill(text, WIDTH, initial_indent="      ", subsequent_indent="        "))

    def show_aims(self) -> None:
        """Print the figures that have an aim once more, together."""
        print("\nAgainst the aims")
        for figures in self.figures.values():
            for figure in figures:
                if figure.aim is not None:
                    print(_row(figure))

    def write(self, path: Path) -> None:
        """Write everything as JSON."""
        figures = {
            name: [{**asdict(each), "passed": each.passed} for each in found]
            for name, found in self.figures.items()
        }
        path.write_text(json.dumps({"machine": self.machine, "figures": figures}, indent=2) + "\n")


def _row(figure: Figure) -> str:
    value = f"{_number(figure.value)} {figure.unit}"
    spread = ""
    if 1 < len(figure.samples) <= 10:  # more are a course of time
        spread = f"({_number(min(figure.samples))} to {_number(max(figure.samples))})"
    aim = ""
    if figure.aim is not None:
        bound = "at least" if figure.aim.at_least else "at most"
        aim = f"{'passed' if figure.passed else 'MISSED'}, aim {bound} {_number(figure.aim.limit)}"
    return f"  {figure.name:<52}{value:>18} {spread:<20} {aim}".rstrip()


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def middle(samples: list[float]) -> float:
    """Return the median, or 0 of nothing."""
    return median(samples) if samples else 0.0
