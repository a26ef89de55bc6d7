"""Two hundred chargers on the OCPP endpoint: what the relay adds, and what it costs.

The same chargers, the same back office: once directly, once through the agent, in turn.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from tests.bench.report import Figure, at_most, middle
from tests.bench.rig import SitePlan, agent, broker, child, command, folder, line_from, resident_mib
from tests.rig.waiting import HOST, free_port

if TYPE_CHECKING:
    from subprocess import Popen

CHARGERS = 200
AIM_MS = 5.0
TICKS_A_S = 100


def measure(seconds: int, repeats: int) -> list[Figure]:
    """Return the latency that the relay adds, frames lost, CPU and memory."""
    upstream_port, endpoint_port = free_port(), free_port()
    upstream_url = f"ws://{HOST}:{upstream_port}/central"
    section = {"enabled": True, "port": endpoint_port, "upstream_url": upstream_url}
    direct: list[dict[str, Any]] = []
    relayed: list[dict[str, Any]] = []
    shares: list[float] = []
    by = ""
    with (
        folder() as place,
        child("ocpp_upstream", upstream_port) as office,
        broker(place, SitePlan(chargers=CHARGERS)) as mosquitto,
        agent(place, mosquitto, {"ocpp": section}) as process,
    ):
        line_from(office)
        for _ in range(repeats):
            direct.append(_lived(upstream_url, seconds)[0])
            busy, began = _cpu_s(process.pid), time.monotonic()
            told, by = _lived(f"ws://{HOST}:{endpoint_port}/ocpp", seconds)
            relayed.append(told)
            shares.append((_cpu_s(process.pid) - busy) / (time.monotonic() - began))
        with process.client("viewer") as client:
            missed = _metric(client.get("/metrics").text, "edge_agent_ocpp_missed")
        memory = resident_mib(process.pid)
        office_command = command(office)
    return _figures((direct, relayed), (shares, memory, missed), (by, office_command))


def _lived(url: str, seconds: int) -> tuple[dict[str, Any], str]:
    """Let the chargers live against a URL; return what they tell, and their command."""
    with child("ocpp_chargers", url, CHARGERS, seconds) as chargers:
        _expect(chargers, "connected")
        told: dict[str, Any] = json.loads(line_from(chargers))
        return told, command(chargers)


def _expect(process: Popen[str], word: str) -> None:
    line = line_from(process)
    if line != word:
        raise RuntimeError(f"it says {line!r}, not {word!r}")


def _cpu_s(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123 - no file of ours
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_S


def _metric(text: str, name: str) -> float:
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name} "))


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def _figures(
    told: tuple[list[dict[str, Any]], list[dict[str, Any]]],
    cost: tuple[list[float], float, float],
    commands: tuple[str, str],
) -> list[Figure]:
    direct, relayed = told
    shares, memory, missed = cost
    lost = sum(each["sent"] - each["answers"] for each in relayed)
    note = (
        f"{CHARGERS} chargers, a meter value a second each; {sum(each['sent'] for each in relayed)} relayed"
    )
    figures = []
    for name, share, aim in (("p50", 0.50, None), ("p99", 0.99, at_most(AIM_MS))):
        without = middle([_quantile(each["ms"], share) for each in direct])
        through = middle([_quantile(each["ms"], share) for each in relayed])
        detail = f"round trip {through:.2f} ms through the agent, {without:.2f} ms without"
        figures.append(
            Figure(
                name=f"latency that the relay adds to a round trip: {name}",
                value=through - without,
                unit="ms",
                aim=aim,
                commands=commands,
                note=f"{detail}; {note}",
            )
        )
    return [
        *figures,
        Figure(name="frames lost", value=float(lost), unit="", aim=at_most(0.0)),
        Figure(name="frames that the agent had no room to observe", value=missed, unit=""),
        Figure(name="CPU of the agent, judging included", value=100 * middle(shares), unit="% of a core"),
        Figure(name="resident memory", value=memory, unit="MiB"),
    ]
