"""What arrives, for those who ask for it: kept only while somebody does."""

from __future__ import annotations

from collections import deque
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.ports import Message

ASKED_WITHIN_S = 60.0
MOST_KEPT = 20_000
MOST_BYTES = 16 * 2**20


class Recorder:
    """The last messages, numbered. `heard` is called by the pipeline thread, `after` by any.

    clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = Lock()
        self._kept: deque[tuple[int, Message]] = deque()
        self._bytes = 0
        self._number = 0
        self._until = 0.0

    def heard(self, message: Message) -> None:
        """Keep a message, if somebody asked lately."""
        if self._until == 0.0:
            return
        with self._lock:
            if self._clock() > self._until:
                self._forget()
                return
            self._number += 1
            self._kept.append((self._number, message))
            self._bytes += len(message.payload)
            while len(self._kept) > MOST_KEPT or self._bytes > MOST_BYTES:
                self._bytes -= len(self._kept.popleft()[1].payload)

    def after(self, number: int, most: int) -> tuple[list[tuple[int, Message]], int]:
        """Return messages after a number, oldest first, and how many are gone. Recording goes on."""
        with self._lock:
            self._until = self._clock() + ASKED_WITHIN_S
            oldest = self._kept[0][0] if self._kept else self._number + 1
            found = [each for each in self._kept if each[0] > number][:most]
        return found, max(oldest - 1 - number, 0)

    @property
    def number(self) -> int:
        """The number of the last message."""
        return self._number

    def _forget(self) -> None:
        self._kept.clear()
        self._bytes, self._until = 0, 0.0
