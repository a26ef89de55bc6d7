"""How often something may be done: token buckets in memory, in a table that cannot grow without end."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable


class TokenBuckets:
    """A bucket for each name: it holds `burst` tokens and gains `rate` a second.

    clock: seconds that only go forward.
    room: how many names are kept. The one idle longest goes first: its bucket has most likely filled again.
    """

    def __init__(self, rate: float, burst: float, clock: Callable[[], float], room: int = 4096) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._room = room
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> float:
        """Take a token from the name's bucket. Return 0.0, or in how many seconds there will be one."""
        now = self._clock()
        tokens, filled_at = self._buckets.get(name, (self._burst, now))
        tokens = min(self._burst, tokens + (now - filled_at) * self._rate)
        taken = tokens >= 1
        self._buckets[name] = (tokens - taken, now)
        self._buckets.move_to_end(name)
        if len(self._buckets) > self._room:
            self._buckets.popitem(last=False)
        return 0.0 if taken else (1 - tokens) / self._rate
