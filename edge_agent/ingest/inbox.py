"""The bounded queue in front of the pipeline thread: its one way in."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Event, Lock
from typing import NamedTuple, TypeVar

from edge_agent.errors import Busy, EdgeAgentError
from edge_agent.ports import Connected, Disconnected, Message, Published

MOST_WAITING = 10_000
MOST_BYTES_WAITING = 32 * 2**20
ORDER_TIMEOUT_S = 5.0
LOOK_AGAIN_S = 0.01

T = TypeVar("T")


class Order(NamedTuple):
    """Something that another thread wants done on the pipeline thread."""

    work: Callable[[], object]
    done: Future[object]

    def carry_out(self) -> None:
        """Do the work and hand its result, or what it raised, to whoever ordered it."""
        if not self.done.set_running_or_notify_cancel():
            return
        try:
            self.done.set_result(self.work())
        except EdgeAgentError as error:
            self.done.set_exception(error)


Item = Message | Connected | Disconnected | Published | Order


class Inbox:
    """Any thread puts; the pipeline thread drains. The bound is the broker's: see `full`."""

    def __init__(self, most: int = MOST_WAITING) -> None:
        self._most = most
        self._bytes_put = 0
        self._bytes_taken = 0
        """Counted by the pipeline alone; what is put, by the broker's thread and the server's."""
        self._counting = Lock()
        self._queue: SimpleQueue[Item] = SimpleQueue()

    @property
    def full(self) -> bool:
        """Whether no further message may be put. Events and orders always may: they are few."""
        return self._filled >= 1.0

    @property
    def _filled(self) -> float:
        in_bytes = (self._bytes_put - self._bytes_taken) / MOST_BYTES_WAITING
        return max(self._queue.qsize() / self._most, in_bytes)

    @property
    def waiting(self) -> int:
        """How many items wait."""
        return self._queue.qsize()

    def put(self, item: Item) -> None:
        """Put an item last."""
        if isinstance(item, Message):
            with self._counting:
                self._bytes_put += len(item.payload)
        self._queue.put(item)

    def drain(self, most: int, timeout_s: float) -> list[Item]:
        """Return what waits, at most so many, in order; wait for the first one."""
        items: list[Item] = []
        try:
            items.append(self._queue.get(timeout=timeout_s))
            while len(items) < most:
                items.append(self._queue.get_nowait())
        except Empty:
            pass
        self._bytes_taken += sum(len(item.payload) for item in items if isinstance(item, Message))
        return items

    def order(self, work: Callable[[], T]) -> T:
        """Have work done on the pipeline thread and return its result. Raises Busy, and what work raises."""
        done: Future[object] = Future()
        self.put(Order(work, done))
        try:
            return done.result(ORDER_TIMEOUT_S)  # type: ignore[return-value]
        except TimeoutError as error:
            done.cancel()
            reason = "the pipeline is busy; try again in a few seconds"
            raise Busy(reason) from error

    def tell(self, work: Callable[[], object]) -> None:
        """Have work done on the pipeline thread without waiting for it."""
        self.put(Order(work, Future()))

    def wait_until_below(self, share: float, most_s: float, stopping: Event) -> bool:
        """Wait until less than a share of the bound waits; return whether it does, or we are stopping."""
        looks = int(most_s / LOOK_AGAIN_S)
        while self._filled > share and looks > 0 and not stopping.wait(LOOK_AGAIN_S):
            looks -= 1
        return self._filled <= share or stopping.is_set()
