"""When silence means that a charger is gone. Deaf is not silent: time without a link does not count.

the charger's link        it is gone
none: it uses the broker  silent for its own rhythm, while the broker was there to hear by
opened                    silent for its own rhythm, since then
closed                    not back within `after_s`
last will                 at once: its broker has waited
cut                       never: we are deaf to it

A charger that is silent for its own rhythm alone is told once another one has spoken since it should have:
until then the cause may be the site's, which is one fact and not as many as there are chargers. It waits
HELD_BACK at most. When the site is back, each has its own patience again, counted from the first voice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.core.charger import Charger, newcomer
from edge_agent.core.downtime import FEWEST_TOGETHER, TOGETHER
from edge_agent.wire.metrics import ConnectorStatus, Quantities
from edge_agent.wire.reading import Event, Reading, Source
from edge_agent.wire.service import Sign
from edge_agent.wire.types import EvseId

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


HELD_BACK = timedelta(minutes=30)
RETURNING = timedelta(minutes=10)
"""So long chargers take to find their way back after an outage: modems and back-offs differ."""
FEWEST_TO_ASK = 3
"""Among fewer chargers nobody's silence tells of the site."""
QUIET_GAPS = 1.5
"""So many of its usual gaps, and a charger that is not yet silent for itself is quiet."""


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


class Silence(NamedTuple):
    """What a look found.

    readings: OFFLINE for each EVSE of a charger that has fallen silent, and its cabinet; and what it last
        said itself for each that was OFFLINE and whose charger is heard again: one live connector keeps its
        charger alive.
    together: the chargers that are silent by one cause, that of most of the site; None: it cannot be told.
    """

    readings: list[Reading]
    together: frozenset[str] | None = None


def silence(
    chargers: Mapping[EvseId, Charger], now: datetime, since: Listening, patience: Patience
) -> Silence:
    """Look who is silent."""
    by_charger: dict[str, list[Charger]] = {}
    for charger in chargers.values():
        by_charger.setdefault(charger.charger_id, []).append(charger)
    heard = {
        charger_id: (evses, gone)
        for charger_id, evses in by_charger.items()
        if (gone := _gone(evses, now, since, patience)) is not None
    }
    together = _together(heard, now, patience)
    held_back = _held_back(heard, now, patience) - together
    readings: list[Reading] = []
    for charger_id, (evses, gone) in heard.items():
        if charger_id in held_back:
            continue
        readings += _findings(evses, now, gone=gone, with_site=charger_id in together)
    return Silence(readings, together if heard else None)


def findings(
    chargers: Mapping[EvseId, Charger], now: datetime, since: Listening, patience: Patience
) -> list[Reading]:
    """Return the readings of a look alone."""
    return silence(chargers, now, since, patience).readings


def _findings(evses: list[Charger], now: datetime, *, gone: bool, with_site: bool) -> list[Reading]:
    if gone and all(evse.connector_id != 0 for evse in evses):
        evses = [*evses, newcomer(EvseId(evses[0].charger_id, 0), now)]
    found = []
    for evse in evses:
        status = ConnectorStatus.OFFLINE if gone else evse.heard_status
        news = status is not evse.status and ConnectorStatus.OFFLINE in (status, evse.status)
        # Whose silence it is may change while it lasts: the others came back, or the rest followed.
        if news or (gone and with_site is not evse.silent_with_site):
            found.append(_finding(evse, status, now, Event.SITE_SILENT if gone and with_site else None))
    return found


def _together(
    heard: Mapping[str, tuple[list[Charger], bool]], now: datetime, patience: Patience
) -> frozenset[str]:
    """Return the chargers that fell silent together, where they are half of those that spoke until then.

    One that is not yet silent for itself counts where it is far beyond its own rhythm: whose rhythm is slow
    is found later, and one cause must not first be many.
    """
    last = {charger_id: _last_heard(evses, now) for charger_id, (evses, _) in heard.items()}
    gone = [charger_id for charger_id, (_, is_gone) in heard.items() if is_gone]
    quiet = [
        charger_id
        for charger_id, (evses, is_gone) in heard.items()
        if is_gone or _is_quiet(evses, last[charger_id], now, patience)
    ]
    times = {charger_id: at for charger_id in quiet if (at := last[charger_id]) is not None}
    if len(gone) == 0 or not times:
        return frozenset()
    newest = max(times.values())
    fell = {
        charger_id
        for charger_id, at in times.items()
        if newest - at <= max(TOGETHER, timedelta(seconds=_usual_s(heard[charger_id][0]) or 0.0))
    }
    spoke = len(heard) - sum(charger_id not in fell for charger_id in gone)
    if len(fell) < FEWEST_TOGETHER or 2 * len(fell) < spoke:
        return frozenset()
    return frozenset(fell.intersection(gone))


def _held_back(
    heard: Mapping[str, tuple[list[Charger], bool]], now: datetime, patience: Patience
) -> frozenset[str]:
    """Return the chargers whose silence nobody's voice proves to be their own yet."""
    voices = [
        at for evses, gone in heard.values() if not gone and (at := _last_heard(evses, now)) is not None
    ]
    if len(voices) + 1 < FEWEST_TO_ASK:
        return frozenset()
    newest = max(voices)
    return frozenset(
        charger_id
        for charger_id, (evses, gone) in heard.items()
        if gone and (_may_be_the_sites(evses, newest, now, patience) or _awaited(evses, heard, now, patience))
    )


def _may_be_the_sites(evses: list[Charger], newest: datetime, now: datetime, patience: Patience) -> bool:
    """Tell whether no other charger was heard since this one should have been; `newest`: when one was."""
    last, told = _last_heard(evses, now), any(evse.status is ConnectorStatus.OFFLINE for evse in evses)
    if last is None or told or any(evse.link is not None for evse in evses):
        return False
    usual_s = _usual_s(evses)
    due = last + timedelta(seconds=patience.stranger_s if usual_s is None else usual_s)
    return newest <= due and now - last <= patience.limit(usual_s) + HELD_BACK


def _awaited(
    evses: list[Charger], heard: Mapping[str, tuple[list[Charger], bool]], now: datetime, patience: Patience
) -> bool:
    """Tell whether a charger that was silent with its site may still be on its way back, as others are."""
    last = _last_heard(evses, now)
    if last is None or not any(evse.silent_with_site for evse in evses):
        return False
    back = [
        outage.ended_at
        for others, gone in heard.values()
        if not gone
        for other in others
        if (outage := other.outages.last) is not None
        and outage.sign is Sign.SILENT
        and outage.ended_at is not None
        and outage.ended_at > last
    ]
    return bool(back) and now - min(back) <= max(patience.limit(_usual_s(evses)), RETURNING)


def _is_quiet(evses: list[Charger], heard: datetime | None, now: datetime, patience: Patience) -> bool:
    beyond = QUIET_GAPS * (_usual_s(evses) or patience.stranger_s)
    return heard is not None and (now - heard).total_seconds() > max(patience.after_s, beyond)


def _last_heard(evses: list[Charger], now: datetime) -> datetime | None:
    return max((evse.heard_at for evse in evses if evse.heard_at and evse.heard_at <= now), default=None)


def _usual_s(evses: list[Charger]) -> float | None:
    return max((evse.usual_gap_s for evse in evses if evse.usual_gap_s is not None), default=None)


def _gone(evses: list[Charger], now: datetime, since: Listening, patience: Patience) -> bool | None:
    """Return whether a charger is gone; None where nothing can be told."""
    link = next((evse.link for evse in evses if evse.link is not None), None)
    heard = _last_heard(evses, now)
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
    return quiet > patience.limit(_usual_s(evses))


def _finding(evse: Charger, status: ConnectorStatus | None, now: datetime, event: Event | None) -> Reading:
    return Reading(
        charger_id=evse.charger_id,
        connector_id=evse.connector_id,
        metrics=Quantities(connector_status=status),
        received_at=now,
        source=Source.AGENT,
        event=event,
    )
