"""`edge-agent replay`: a recorded log through the whole pipeline; no broker, time from the log."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import replace as changed
from datetime import datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, TextIO

from pydantic import TypeAdapter, ValidationError

from edge_agent.adapters.sqlite import SqliteStore
from edge_agent.clock import ReplayClock
from edge_agent.config import Config, load
from edge_agent.core.pipeline import Site
from edge_agent.errors import EdgeAgentError
from edge_agent.ingest.inbox import Inbox
from edge_agent.ingest.parts import Parts
from edge_agent.ingest.publisher import Publisher
from edge_agent.ingest.thread import Ingest
from edge_agent.ports import Commit, Connected, Message
from edge_agent.service import (
    LISTEN_EVERY_S,
    SUGGEST_EVERY_S,
    manners,
    registry,
    releases,
    shelf,
    store_bounds,
)
from edge_agent.wire.outbox import RecordType
from edge_agent.wire.types import UtcTime

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EPOCH = "replay"
TICKING = timedelta(days=1)
"""So long it ticks on where nothing comes; a log of a box that took 1970 for now would else never end."""
AT = TypeAdapter(UtcTime)
UNTOLD = frozenset({RecordType.READING, RecordType.DOWNTIME, RecordType.ATTEMPT})


class Line(NamedTuple):
    """One message of a log; or, where it cannot be read, why."""

    number: int
    at: datetime | None
    topic: str
    payload: bytes
    fault: str | None = None


class Narrator(SqliteStore):
    """The store of a replay: in memory, and it prints what it keeps, a JSON line for each outcome."""

    def __init__(self, config: Config, start: datetime, out: TextIO) -> None:
        super().__init__(":memory:", store_bounds(config), start)
        self._out = out
        self.told: Counter[str] = Counter()

    def commit(self, batch: Commit) -> None:
        """Keep the batch and print what it tells."""
        super().commit(batch)
        for record in batch.records:
            if record.type not in UNTOLD:
                self.tell(record.type, json.loads(record.payload))
        for each in batch.quarantined:
            self.tell("rejected", {"at": each.at.isoformat(), "topic": each.topic, "reason": each.reason})

    def tell(self, outcome: str, body: dict[str, object]) -> None:
        """Print one outcome."""
        self.told[outcome] += 1
        self._out.write(json.dumps({"outcome": outcome, **body}, separators=(",", ":")) + "\n")


class NoBroker:
    """The broker of a replay: there is none."""

    connected = False

    def acknowledge(self, generation: int, packet_ids: list[int]) -> None:
        """Nobody waits for it."""

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> int | None:  # noqa: ARG002
        """Publish nothing."""
        return None


REPLAYED = Config(site_id="replay")
"""Stands in where no configuration is given: a log must lead to the same anywhere."""


def replay(
    files: list[Path], prefix: str | None, config_path: Path | None = None, out: TextIO = sys.stdout
) -> int:
    """Put recorded messages through the pipeline and print what each led to; the summary goes to stderr.

    prefix: the topics' prefix; None: what stands before /chargers/ in the first topic.
    config_path: limits, costs and models to replay with; None: the defaults, whatever this machine has.
    """
    config = load(config_path)[0] if config_path is not None else REPLAYED
    lines = (line for file in files for line in read(file))
    unreadable: list[Line] = []
    while (first := next(lines, None)) is not None and first.at is None:
        unreadable.append(first)
    if first is None:
        print("nothing to replay: no line is a message of a log", file=sys.stderr)
        return 1
    before, found, _ = first.topic.partition("/chargers/")
    player = Player(first, prefix or (before if found else config.prefix), config, out)
    for line in chain(unreadable, (first,), lines):
        player.play(line)
    print(player.summary(), file=sys.stderr)
    return 0


def read(file: Path) -> Iterator[Line]:
    """Yield the messages of a log: JSON lines of topic, payload (JSON, or text) and at."""
    try:
        opened = file.open(encoding="utf-8", errors="replace")
    except OSError as error:
        raise EdgeAgentError(f"cannot read {file}: {error.strerror}") from error
    with opened:
        for number, text in enumerate(opened, 1):
            if text.strip():
                yield _line(number, text)


def _line(number: int, text: str) -> Line:
    try:
        told = json.loads(text)
        payload = told["payload"]
        raw = payload if isinstance(payload, str) else json.dumps(payload)
        return Line(number, AT.validate_python(told["at"]), str(told["topic"]), raw.encode())
    except (ValueError, KeyError, TypeError, RecursionError, ValidationError) as error:
        fault = (
            f"line {number} is no message of a log ({type(error).__name__}); it needs topic, payload and at"
        )
        return Line(number, None, "", text.encode()[:200], fault)


class Player:
    """The daemon's own pipeline, with the log's time and a store in memory."""

    def __init__(self, first: Line, prefix: str, config: Config, out: TextIO) -> None:
        start = first.at or datetime.fromisoformat("2020-01-01T00:00:00+00:00")
        self._clock = ReplayClock(start)
        self._played = start
        self._inbox = Inbox()
        self._narrator = Narrator(config, start, out)
        models = shelf(releases(config))
        models.load(start)
        broker = NoBroker()
        self._ingest = Ingest(
            Parts(
                self._inbox,
                self._narrator,
                broker,
                registry(
                    config.model_copy(update={"mqtt": config.mqtt.model_copy(update={"prefix": prefix})})
                ),
                models,
                Publisher(broker, self._narrator, prefix),
                self._clock,
            ),
            Site(epoch=EPOCH, most_chargers=config.limits.chargers),
            changed(manners(config), commit_s=0.0, endpoint=True),
        )
        self._ingest.restore()
        self._inbox.put(Connected(1, session_present=False))
        self._due = {
            self._ingest.listen: (timedelta(seconds=LISTEN_EVERY_S), start),
            self._ingest.suggest: (timedelta(seconds=SUGGEST_EVERY_S), start),
        }

    def play(self, line: Line) -> None:
        """Let the time come, with its ticks, and then the message."""
        if line.at is None:
            self._narrator.tell("rejected", {"line": line.number, "reason": line.fault})
            return
        self._tick_until(line.at)
        self._clock.at = self._played = max(self._clock.at, line.at)
        self._inbox.put(Message(1, None, line.topic, line.payload, line.at, retained=False))
        self._ingest.turn(0.0)

    def summary(self) -> str:
        """Return what came and what was told, in one line."""
        told = ", ".join(f"{count} {kind}" for kind, count in sorted(self._narrator.told.items()))
        return f"{self._ingest.counts()['messages']} messages: {told or 'nothing to tell'}"

    def _tick_until(self, at: datetime) -> None:
        while True:
            tick, (every, due) = min(self._due.items(), key=lambda each: each[1][1])
            if due > at:
                return
            self._clock.at = due
            self._due[tick] = (every, due + every if due - self._played < TICKING else max(at, due + every))
            tick()
            self._ingest.turn(0.0)
