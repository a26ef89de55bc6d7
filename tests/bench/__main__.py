"""`python -m tests.bench`: see `tests/bench/__init__.py`."""

from __future__ import annotations

import argparse
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from tests import bench
from tests.bench import (
    central,
    flash,
    latency,
    memory,
    month,
    ocpp,
    page,
    rest,
    startup,
    switch,
    throughput,
    week,
)
from tests.bench.report import Report

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.bench.report import Figure

NAMES = (
    "throughput",
    "latency",
    "rest",
    "memory",
    "startup",
    "flash",
    "ocpp",
    "central",
    "week",
    "page",
    "month",
    "switch",
)


def main() -> None:
    """Measure, print, write; a measurement that fails is told, and the others go on."""
    asked = _parser().parse_args()
    report = Report()
    print("The machine: " + "; ".join(f"{name} {value}" for name, value in report.machine.items()))
    for name in asked.measurements or NAMES:
        try:
            report.show(name, _measurements(asked)[name]())
        except Exception:  # noqa: BLE001 - an hour of other figures must not be lost
            print(f"\n{name} could not be measured")
            traceback.print_exc()
    report.show_aims()
    if asked.json is not None:
        report.write(asked.json)


def _measurements(asked: argparse.Namespace) -> dict[str, Callable[[], list[Figure]]]:
    return {
        "throughput": lambda: throughput.measure(asked.messages, asked.repeats),
        "latency": lambda: latency.measure(asked.alerts),
        "rest": lambda: rest.measure(asked.seconds, asked.repeats),
        "memory": lambda: memory.measure(asked.minutes),
        "startup": lambda: startup.measure(asked.starts),
        "central": lambda: central.measure(asked.overview_rows),
        "page": lambda: page.measure(asked.page_minutes),
        "month": lambda: month.measure(asked.month_days),
        "week": lambda: week.measure(asked.days),
        "ocpp": lambda: ocpp.measure(asked.ocpp_seconds, asked.repeats),
        "switch": lambda: switch.measure(asked.releases),
        "flash": lambda: flash.measure(asked.flash_minutes),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=bench.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("measurements", nargs="*", choices=[[], *NAMES], metavar="MEASUREMENT")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure and sample there")
    parser.add_argument("--repeats", type=int, default=5, help="of throughput and rest; default 5")
    parser.add_argument("--messages", type=int, default=40_000, help="of each throughput; default 40,000")
    parser.add_argument("--alerts", type=int, default=600, help="at each rate; default 600")
    parser.add_argument("--seconds", type=int, default=8, help="of each REST run; default 8")
    parser.add_argument("--minutes", type=float, default=10.0, help="of the memory run; default 10")
    parser.add_argument("--starts", type=int, default=10, help="default 10")
    parser.add_argument("--releases", type=int, default=5, help="of models that come; default 5")
    parser.add_argument("--days", type=float, default=7.0, help="offline; default 7")
    parser.add_argument("--page-minutes", type=float, default=60, help="default 60")
    parser.add_argument("--month-days", type=float, default=month.DAYS, help=f"default {month.DAYS:g}")
    parser.add_argument("--overview-rows", type=int, default=5_000_000, help="default 5,000,000")
    parser.add_argument("--ocpp-seconds", type=int, default=20, help="of each OCPP run; default 20")
    parser.add_argument("--flash-minutes", type=float, default=30, help="default 30")
    return parser


if __name__ == "__main__":
    main()
