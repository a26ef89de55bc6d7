"""Waiting for events, each with a deadline: nothing here looks again and again."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable
from threading import Condition, Event
from typing import Generic, TypeVar

DEADLINE_S = 60.0
"""The machine may be busy with other tests; what takes so long will not come any more."""
HOST = "127.0.0.1"
PORTS = range(10_000, 32_000)
"""Below those of outgoing connections, so that none takes a broker's port while the broker is down."""

T = TypeVar("T")


class Journal(Generic[T]):
    """Things that happened, in order. Any thread adds, any thread waits."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._entries: list[T] = []
        self._changed = Condition()
        self._over = False

    def add(self, entry: T) -> None:
        with self._changed:
            self._entries.append(entry)
            self._changed.notify_all()

    def end(self) -> None:
        """Nothing more will come: whoever waits in vain learns it at once."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def entries(self, after: int = 0) -> list[T]:
        with self._changed:
            return self._entries[after:]

    def mark(self) -> int:
        """Return where the journal ends now, for `after`."""
        with self._changed:
            return len(self._entries)

    def wait_for(
        self, what: str, is_it: Callable[[T], bool], *, after: int = 0, within_s: float = DEADLINE_S
    ) -> T:
        """Return the first such entry after a mark. Fails where none comes within the time."""
        return self.wait_until(
            what, lambda entries: next(filter(is_it, entries), None), after=after, within_s=within_s
        )

    def wait_until(
        self,
        what: str,
        found: Callable[[list[T]], T | None],
        *,
        after: int = 0,
        within_s: float = DEADLINE_S,
    ) -> T:
        """Return what `found` finds among the entries after a mark. Fails where it finds nothing in time."""
        hit: T | None = None

        def settled() -> bool:
            nonlocal hit
            hit = found(self._entries[after:])
            return hit is not None or self._over

        with self._changed:
            self._changed.wait_for(settled, within_s)
            if hit is not None:
                return hit
            why = "it has ended" if self._over else f"{within_s:g} s have passed"
            last = self._entries[-3:]
        raise AssertionError(f"{self._name}: waited in vain for {what}, {why}; the last were {last}")


def free_port() -> int:
    """Return a port on which nobody listens."""
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port


def outlast(seconds: float) -> None:
    """Let an outage last: its length is what is being tested, and nothing tells of its end."""
    Event().wait(seconds)
