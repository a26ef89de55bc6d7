"""A site to measure: the broker as shipped, the agent, simulated chargers; each a process of its own.

Broker and agent are those of `tests.rig`. What is started here is ended here, and nothing else.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.traffic import charger_ids
from tests.rig.agent import ROOT, Agent, Settings
from tests.rig.broker import Mosquitto

PATIENCE_S = 180.0
LOOK_EVERY_S = 0.01
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
RARELY = 100_000_000
READING = {
    "connector_status": "CHARGING",
    "energy_delivered": 45.5,
    "power": 7.2,
    "temperature": 35.0,
    "error_codes": [],
    "uptime_hours": 1500,
    "total_sessions": 300,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePlan:
    """What to measure at.

    chargers: how many have an account. others: further accounts that write like chargers.
    saves: whether the broker saves its database every 100 changes, as shipped; otherwise hardly ever.
    """

    chargers: int
    others: tuple[str, ...] = ()
    saves: bool = True


@contextmanager
def folder() -> Iterator[Path]:
    """Yield a folder for one measurement, on the disk that TMPDIR names."""
    with TemporaryDirectory(prefix="edge-agent-bench-") as name:
        yield Path(name)


@contextmanager
def broker(place: Path, plan: SitePlan) -> Iterator[Mosquitto]:
    """Yield a mosquitto with the shipped configuration that accepts connections."""
    mosquitto = Mosquitto(place / "broker", [*charger_ids(plan.chargers), *plan.others])
    if not plan.saves:
        written = place / "broker" / "mosquitto.conf"
        changed = re.sub(r"(?m)^autosave_interval \d+$", f"autosave_interval {RARELY}", written.read_text())
        written.write_text(changed)
    mosquitto.start()
    try:
        yield mosquitto
    finally:
        mosquitto.stop()


@contextmanager
def agent(place: Path, mosquitto: Mosquitto, settings: Settings | None = None) -> Iterator[Agent]:
    """Yield an agent that listens to the broker and judges with its ONNX models."""
    process = Agent(place / "agent", mosquitto.port, {"web": {"rate_limit": 1e6}, **(settings or {})})
    process.start()
    try:
        mosquitto.wait_for_agent()
        engine = predict(process)["engine"]
        if engine != "onnx":
            raise RuntimeError(f"the agent judges by {engine}, not by its models:\n{process.text()}")
        yield process
    finally:
        end(process)


def end(process: Agent) -> None:
    """End an agent in order; one that was stopped is woken for it."""
    if process.running:
        os.kill(process.pid, signal.SIGCONT)
        process.terminate()


def predict(process: Agent) -> dict[str, object]:
    """Ask the agent for one prediction."""
    body = {"charger_id": "CHG_001", "metrics": READING}
    with process.client() as client:
        answer = client.post("/api/v1/predictions/failure", json=body)
        answer.raise_for_status()
        told: dict[str, object] = answer.json()
        return told


def counted(process: Agent) -> dict[str, float]:
    """Return the agent's own counters and gauges."""
    with process.client() as client:
        text = client.get("/metrics").raise_for_status().text
    found: dict[str, float] = {}
    for line in text.splitlines():
        if line.startswith("edge_agent"):
            name, value = line.rsplit(" ", 1)
            kind = re.search(r'kind="(.*)"', name)
            found[kind[1] if kind else name] = float(value)
    return found


def newest_reading(process: Agent) -> Callable[[], int]:
    """Return what tells the number of the newest reading that is kept; cheap to ask often."""
    return lambda: int(process.rows("SELECT coalesce(max(id), 0) FROM readings")[0][0])


def wait_until(what: str, reached: Callable[[], bool], every_s: float = LOOK_EVERY_S) -> float:
    """Look until it is reached; return the monotonic time of that look. Raises TimeoutError."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        looked_at = time.monotonic()
        if reached():
            return looked_at
        if looked_at > deadline:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(every_s)


# Child processes of the benchmark


@contextmanager
def child(module: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Yield a running `python -m tests.bench.…`; it is ended at the end, if it has not ended by itself."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"tests.bench.{module}", *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGCONT)
            process.terminate()
        process.communicate(timeout=PATIENCE_S)


def line_from(process: subprocess.Popen[str]) -> str:
    """Return the next line that a child prints. Raises RuntimeError where it has ended."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"it has ended: {process.args!r}")
    return line.strip()


def command(process: subprocess.Popen[str]) -> str:
    """Return a child's command as one would type it."""
    assert isinstance(process.args, list)
    return " ".join(["python", *map(str, process.args[1:])])


class Traffic:
    """The chargers' side: a child process that publishes on demand."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        line_from(process)

    def begin(self, count: int) -> None:
        """Have so many messages published, and one more that has them committed."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{count}\n")
        self._process.stdin.flush()

    def wait(self) -> None:
        """Return once the broker has acknowledged what was begun."""
        line_from(self._process)


@contextmanager
def traffic(mosquitto: Mosquitto, chargers: int, count: int, faults: float) -> Iterator[Traffic]:
    """Yield chargers that are connected, with so many messages made ready."""
    options = ("--port", mosquitto.port, "--chargers", chargers, "--count", count, "--faults", faults)
    with child("traffic", *options) as process:
        yield Traffic(process)


@contextmanager
def steady(
    mosquitto: Mosquitto, chargers: int, rate: float, faults: float = 0.0
) -> Iterator[dict[str, float]]:
    """Have chargers publish at a rate meanwhile; what they did is in the yielded mapping afterwards."""
    options = ("--port", mosquitto.port, "--chargers", chargers, "--rate", rate, "--faults", faults)
    told: dict[str, float] = {}
    with child("traffic", *options) as process:
        line_from(process)
        yield told
        process.terminate()
        told.update(json.loads(line_from(process)))


# What the kernel counts


def cpu_s(pid: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def resident_mib(pid: int) -> float:
    """Return a process's resident memory."""
    return _kernel_number(Path(f"/proc/{pid}/status"), "VmRSS") / 1024


def written_bytes(pid: int) -> float:
    """Return what a process has caused to be written to block devices; see proc(5), write_bytes."""
    return _kernel_number(Path(f"/proc/{pid}/io"), "write_bytes")


def pid_of(mosquitto: Mosquitto) -> int:
    assert mosquitto._process is not None
    return mosquitto._process.pid


def _kernel_number(file: Path, name: str) -> float:
    for line in file.read_text().splitlines():
        if line.startswith(f"{name}:"):
            return float(line.split()[1])
    raise LookupError(f"{file} tells no {name}")
