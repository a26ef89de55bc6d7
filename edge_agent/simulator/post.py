"""What happens to messages on their way: some come late and are overtaken, some come twice."""

from __future__ import annotations

import heapq
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.random import Generator

    from edge_agent.simulator.parameters import SensingParameters
    from edge_agent.simulator.voices import Message


def delivered(sent: Iterable[Message], sensing: SensingParameters, rng: Generator) -> Iterator[Message]:
    """Yield the messages as they arrive, in order of arrival.

    Frames of OCPP are never overtaken: they come over one connection.
    """
    held: list[tuple[float, int, Message]] = []
    for number, message in enumerate(sent):
        while held and held[0][0] <= message.at.timestamp():
            yield heapq.heappop(held)[2]
        drawn = rng.random() if message.kind == "metrics" else 1.0
        if drawn < sensing.late_share:
            late = replace(message, at=message.at + timedelta(seconds=float(rng.exponential(sensing.late_s))))
            heapq.heappush(held, (late.at.timestamp(), number, late))
            continue
        yield message
        if drawn < sensing.late_share + sensing.twice_share:
            yield message
