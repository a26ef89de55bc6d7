"""Whose turn it is: actors by the time of their next act, where acting may move others' times too."""

from __future__ import annotations

import heapq
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edge_agent.simulator.sample import Actor, Sample


def play(actors: Sequence[Actor], touches: Sequence[Sequence[int]]) -> Iterator[Sample]:
    """Let the actors act in order of time, and yield what is measured, until none has anything left to do.

    touches: for each actor the places of those, itself among them, whose times its act may move.
    """
    planned = [actor.next_s() for actor in actors]
    due = [(at_s, place) for place, at_s in enumerate(planned)]
    heapq.heapify(due)
    while due:
        at_s, place = heapq.heappop(due)
        if at_s != planned[place] or at_s == math.inf:  # overtaken by an entry made since, or never
            continue
        planned[place] = math.nan  # equal to nothing: it needs a new entry even where its time stayed
        yield from actors[place].act()
        for touched in touches[place]:
            next_s = actors[touched].next_s()
            if next_s != planned[touched]:
                planned[touched] = next_s
                heapq.heappush(due, (next_s, touched))
