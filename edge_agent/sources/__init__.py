"""What comes in, made into readings: one file a protocol, one registry that knows the topics.

Every decoder is a pure function of what was received: no clock, no state, no log. Bad input is a
value (`Rejected`), never an exception. What a decoder cannot know (open sessions, a meter's start,
the last status) is the core's, which folds partial readings.

- `registry`: topic -> decoder; `routes` says what a route is
- `metrics`: plain metrics, as the contract has them
- `ocpp`: OCPP-J frames; `ocpp_frames` unwraps them, `ocpp16` reads the actions of OCPP 1.6, `ocpp2` those of
  2.0.1 and 2.1, `measurands` the meter values, `fault_codes` the error codes
- `everest`, `openevse`, `goe`, `evcc`: what else speaks on a site's broker
- `envelopes`: OCPP frames that others put there
- `mapped`: devices that the configuration declares; `units` and `values` read single values
- `link`: what happens at the agent's own endpoint
- `origin`: what all readings of one message have in common
- `wording`: how what came is put into words
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import chain
from typing import NamedTuple

from edge_agent.errors import Rejected
from edge_agent.wire.reading import Reading

MAX_REJECTED = 100
MAX_IGNORED = 32
# What means something takes a hundred bytes, of which the largest payload holds fewer.
MAX_PARTS = 10_000


class Received(NamedTuple):
    """One message as it came.

    received_at: aware UTC.
    retained: the broker had kept it.
    burst: it came in the burst after a reconnect.
    """

    topic: str
    payload: bytes
    received_at: datetime
    retained: bool = False
    burst: bool = False


class Decoded(NamedTuple):
    """What a message said; at least one of the three is not empty.

    readings: in the order of the message.
    rejected: parts that could not be understood; at most MAX_REJECTED and one that counts the rest.
    ignored: kinds of thing that were read but hold nothing for us ("measurand Frequency"), each once,
        at most MAX_IGNORED: counted by kind, they show what a charger sends that nobody uses.
    """

    readings: tuple[Reading, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    ignored: tuple[str, ...] = ()


Decoder = Callable[[str, Received], Decoded]
"""Takes the charger's id, from the topic, and the message."""


def refused(reason: str) -> Decoded:
    """Return the answer to a message that cannot be used at all."""
    return Decoded(rejected=(Rejected(reason),))


def joined(parts: Iterable[Decoded]) -> Decoded:
    """Return the parts as one, bounded as `Decoded` promises; good readings are never cut."""
    parts = tuple(parts)
    rejected = tuple(chain.from_iterable(part.rejected for part in parts))
    if len(rejected) > MAX_REJECTED:
        rest = len(rejected) - MAX_REJECTED
        rejected = (*rejected[:MAX_REJECTED], Rejected(f"{rest} more parts of the same message were refused"))
    return Decoded(
        readings=tuple(chain.from_iterable(part.readings for part in parts)),
        rejected=rejected,
        ignored=tuple(dict.fromkeys(chain.from_iterable(part.ignored for part in parts)))[:MAX_IGNORED],
    )
