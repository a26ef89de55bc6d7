"""Asks over HTTP as fast as it is answered, over a few connections: by wrk where that is installed.

    python -m tests.bench.asking PORT SECONDS CONNECTIONS < QUESTION

is the substitute: it sends the bytes of QUESTION over and over and prints what came of it as JSON.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench.report import percentile
from tests.rig.agent import ROOT
from tests.rig.waiting import HOST

CONNECTIONS = 8
MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request. body: JSON; empty for a GET."""

    port: int
    path: str
    key: str = ""
    body: str = ""

    def text(self) -> str:
        """Return it as HTTP has it."""
        lines = [f"{'POST' if self.body else 'GET'} {self.path} HTTP/1.1", f"Host: {HOST}:{self.port}"]
        lines += [f"{name}: {value}" for name, value in self.headers().items()]
        if self.body:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", self.body])

    def headers(self) -> dict[str, str]:
        headers = {"X-API-Key": self.key} if self.key else {}
        return headers | ({"Content-Type": "application/json"} if self.body else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What came of it."""

    command: str
    per_second: float
    p50_ms: float
    p99_ms: float


def ask(question: Question, seconds: int, place: Path) -> Answered:
    """Ask over and over. place: a folder for what wrk reads. Raises RuntimeError if not all was answered."""
    by = _ask_by_wrk if shutil.which("wrk") else _ask_by_ourselves
    return by(question, seconds, place)


def _ask_by_wrk(question: Question, seconds: int, place: Path) -> Answered:
    script = place / "question.lua"
    lines = [
        f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}\n"
        for name, value in question.headers().items()
    ]
    if question.body:
        lines += ['wrk.method = "POST"\n', f"wrk.body = {json.dumps(question.body)}\n"]
    script.write_text("".join(lines))
    address = f"http://{HOST}:{question.port}{question.path}"
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", str(script), address]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in told or "Socket errors" in told:
        raise RuntimeError(f"not all was answered:\n{told}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", told)
    if rate is None:
        raise RuntimeError(f"wrk tells no rate:\n{told}")
    typed = " ".join([*command[:5], "-s", script.name, address])
    return Answered(
        command=typed,
        per_second=float(rate[1]),
        p50_ms=_percentile_of(told, 50),
        p99_ms=_percentile_of(told, 99),
    )


def _percentile_of(told: str, percent: int) -> float:
    found = re.search(rf"\n\s+{percent}%\s+([\d.]+)(us|ms|s)\n", told)
    if found is None:
        raise RuntimeError(f"wrk tells no {percent} %:\n{told}")
    return float(found[1]) * MILLISECONDS[found[2]]


def _ask_by_ourselves(question: Question, seconds: int, _place: Path) -> Answered:
    arguments = ["-m", "tests.bench.asking", str(question.port), str(seconds), str(CONNECTIONS)]
    done = subprocess.run(
        [sys.executable, *arguments],
        input=question.text(),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    command = " ".join(["python", *arguments, "<", question.path])
    return Answered(command=command, **json.loads(done.stdout))


class _Asker(asyncio.Protocol):
    """One connection: the next question goes out when the last one is answered."""

    def __init__(self, question: bytes, lasted_s: list[float]) -> None:
        self._question = question
        self._lasted_s = lasted_s
        self._received = b""
        self._asked_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        length = re.search(rb"(?i)content-length: (\d+)", head)
        assert length is not None
        if len(body) >= int(length[1]):
            self._lasted_s.append(time.perf_counter() - self._asked_at)
            self._received = b""
            self._ask()

    def _ask(self) -> None:
        self._asked_at = time.perf_counter()
        self._transport.write(self._question)


async def _ask_for(question: bytes, port: int, seconds: float, connections: int) -> dict[str, float]:
    loop, lasted_s = asyncio.get_running_loop(), list[float]()
    opened = [
        await loop.create_connection(lambda: _Asker(question, lasted_s), HOST, port)
        for _ in range(connections)
    ]
    lasted_s.clear()
    began = time.perf_counter()
    await asyncio.sleep(seconds)
    took = time.perf_counter() - began
    for transport, _ in opened:
        transport.abort()
    return {
        "per_second": len(lasted_s) / took,
        "p50_ms": 1000 * percentile(lasted_s, 50),
        "p99_ms": 1000 * percentile(lasted_s, 99),
    }


def main() -> None:
    """See above."""
    port, seconds, connections = map(int, sys.argv[1:4])
    print(json.dumps(asyncio.run(_ask_for(sys.stdin.read().encode(), port, seconds, connections))))


if __name__ == "__main__":
    main()
