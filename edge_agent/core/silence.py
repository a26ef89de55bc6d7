"""When silence means that a charger is gone. Deaf is not silent: time without a link does not count.

the charger's link        it is gone
none: it uses the broker  silent for its own rhythm, while the broker was there to hear by
opened                    silent for its own rhythm, since then
closed                    not back within `after_s`
last will                 at once: its broker has waited
cut                       never: we are deaf to it
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.core.charger import Charger, newcomer
from edge_agent.wire.metrics import ConnectorStatus, Quantities
from edge_agent.wire.reading import Event, Reading, Source
from edge_agent.wire.types import EvseId

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a charger may be silent: so many of its own usual gaps, and never less than `after_s`.

    stranger_s: for one whose rhythm is not known yet.
    """

    after_s: float = 120.0
    usual_gaps: float = 3.0
    stranger_s: float = 900.0

    def limit(self, usual_s: float | None) -> timedelta:
        """Return after how much silence a charger with this usual gap is gone."""
        patient = self.stranger_s if usual_s is None else self.usual_gaps * usual_s
        return timedelta(seconds=max(self.after_s, patient))


class Listening(NamedTuple):
    """Since when chargers can be heard, by the broker and by our own endpoint; None: not now."""

    broker: datetime | None
    endpoint: datetime | None = None


def findings(
    chargers: Mapping[EvseId, Charger], now: datetime, since: Listening, patience: Patience
) -> list[Reading]:
    """Return a reading that says OFFLINE for each EVSE of a charger that has fallen silent, and its cabinet.

    And one that says what it last said itself, for each that was OFFLINE and whose charger is heard again:
    one live connector keeps its charger alive.
    """
    by_charger: dict[str, list[Charger]] = {}
    for charger in chargers.values():
        by_charger.setdefault(charger.charger_id, []).append(charger)
    found = []
    for evses in by_charger.values():
        gone = _gone(evses, now, since, patience)
        if gone is None:
            continue
        if gone and all(evse.connector_id != 0 for evse in evses):
            evses.append(newcomer(EvseId(evses[0].charger_id, 0), now))
        for evse in evses:
            status = ConnectorStatus.OFFLINE if gone else evse.heard_status
            if status is not evse.status and ConnectorStatus.OFFLINE in (status, evse.status):
                found.append(_finding(evse, status, now))
    return found


def _gone(evses: list[Charger], now: datetime, since: Listening, patience: Patience) -> bool | None:
    """Return whether a charger is gone; None where nothing can be told."""
    link = next((evse.link for evse in evses if evse.link is not None), None)
    heard = max((evse.heard_at for evse in evses if evse.heard_at and evse.heard_at <= now), default=None)
    if link is not None and link.event is Event.LAST_WILL and (heard is None or link.at >= heard):
        return True
    if link is None or link.event is Event.LAST_WILL or since.endpoint is None:
        return None if since.broker is None else _silent(evses, heard, now, since.broker, patience)
    if link.event is Event.LINK_CUT:
        return None
    if link.event is Event.LINK_CLOSED and (heard is None or link.at >= heard):
        return now - max(link.at, since.endpoint) > timedelta(seconds=patience.after_s)
    return _silent(evses, heard, now, max(link.at, since.endpoint), patience)


def _silent(
    evses: list[Charger], heard: datetime | None, now: datetime, since: datetime, patience: Patience
) -> bool:
    listened = now - since
    quiet = min(now - heard, listened) if heard is not None else listened
    usual = max((evse.usual_gap_s for evse in evses if evse.usual_gap_s is not None), default=None)
    return quiet > patience.limit(usual)


def _finding(evse: Charger, status: ConnectorStatus | None, now: datetime) -> Reading:
    return Reading(
        charger_id=evse.charger_id,
        connector_id=evse.connector_id,
        metrics=Quantities(connector_status=status),
        received_at=now,
        source=Source.AGENT,
    )
