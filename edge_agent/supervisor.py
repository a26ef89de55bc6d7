"""Runs the threads and watches over them: one that ends before it was asked to takes the process down."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

JOIN_S = 10.0
PATIENCE_S = 30.0

log = logging.getLogger(__name__)


class Task(NamedTuple):
    """A thread's body, and what makes it return (called from another thread).

    turned_s: when it last came round, by the monotonic clock; None: it is not watched.
    patience_s: a thread that has not come round for so long hangs.
    """

    name: str
    run: Callable[[], object]
    stop: Callable[[], object]
    turned_s: Callable[[], float] | None = None
    patience_s: float = PATIENCE_S


class Supervisor:
    """Starts tasks in order and stops them in the reverse order."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._tasks = list(tasks)
        self._threads: list[threading.Thread] = []
        self._stopping = False
        # Held until the end. A signal's handler may let it go, whatever the main thread is about: an Event
        # has a lock of its own, which the main thread may just hold.
        self._going_on = threading.Lock()
        self._going_on.acquire()
        self.failed: str | None = None
        """The task that ended by itself, if one did."""

    def add(self, task: Task) -> None:
        """Add a task, before `start`."""
        self._tasks.append(task)

    def start(self) -> None:
        """Start every task in a thread of its own."""
        for task in self._tasks:
            thread = threading.Thread(target=self._body, args=(task,), name=task.name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def hanging(self, now_s: float) -> list[str]:
        """Return the tasks that make no progress. now_s: by the monotonic clock."""
        return [
            task.name
            for task in self._tasks
            if task.turned_s is not None and now_s - task.turned_s() > task.patience_s
        ]

    def turned(self, since_s: float) -> bool:
        """Return whether every task that is watched has come round since a moment."""
        return all(task.turned_s() > since_s for task in self._tasks if task.turned_s is not None)

    def wait(self, timeout_s: float) -> bool:
        """Wait for the end, at most so long; return whether it has come."""
        return self._going_on.acquire(timeout=timeout_s)

    def end(self) -> None:
        """Let `wait` return true, once: somebody asked for the end. Fit for a signal's handler."""
        with suppress(RuntimeError):  # somebody else has, too
            self._going_on.release()

    def stop(self) -> None:
        """Stop every task, the last one first, and wait for each."""
        self._stopping = True
        for task, thread in zip(reversed(self._tasks), reversed(self._threads), strict=True):
            task.stop()
            thread.join(JOIN_S)
            if thread.is_alive():
                log.error("a thread does not end", extra={"task": task.name})

    def _body(self, task: Task) -> None:
        try:
            task.run()
        except Exception:  # the one place: whatever it is, the process must not live on half dead
            log.exception("a thread has failed", extra={"task": task.name})
        finally:  # SystemExit too, which uvicorn raises
            if not self._stopping:
                self.failed = self.failed or task.name
                self.end()
