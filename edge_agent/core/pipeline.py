"""The whole decision: readings in, outcomes out. Pure over explicit state.

A batch goes through in three strides: each reading is observed in order, all are judged by one call
of each model, and each is concluded in order. No stride looks back, so a batch of many and many
batches of one give the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.core.alert import advance_all
from edge_agent.core.attempts import Tried
from edge_agent.core.baseline import borrowed
from edge_agent.core.charger import Charger, Observed, booted, newcomer, observe, recorded
from edge_agent.core.downtime import Outage, of_the_site
from edge_agent.core.judgement import Judgement, answers, judge
from edge_agent.core.signs import Watch
from edge_agent.errors import Rejected
from edge_agent.wire.alert import Alert, AlertType, Quiet
from edge_agent.wire.answers import AnomalyAnswer, FailureAnswer
from edge_agent.wire.reading import Event, Reading, Source
from edge_agent.wire.types import EvseId

if TYPE_CHECKING:
    from edge_agent.core.models import Models
    from edge_agent.wire.answers import Action, AnomalyType

TELL_AGAIN = timedelta(minutes=15)
PROBABILITY_MOVED = 0.05
CONNECTORS_A_CHARGER = 32


class Told(NamedTuple):
    """What was last told of an EVSE upwards, to know whether an answer says something new."""

    at: datetime
    action: Action
    probability: float
    anomaly: AnomalyType


@dataclass(frozen=True, slots=True)
class Site:
    """All state of the decision. `watches` and `chargers` are kept in the store, `told` is not."""

    epoch: str
    most_chargers: int = 200
    chargers: Mapping[EvseId, Charger] = field(default_factory=dict)
    watches: Mapping[EvseId, Mapping[AlertType, Watch]] = field(default_factory=dict)
    told: Mapping[EvseId, Told] = field(default_factory=dict)
    heard: Mapping[str, datetime] = field(default_factory=dict)
    """When each charger, by id, was last heard."""
    quiet: Mapping[str, Quiet] = field(default_factory=dict)
    """Chargers under work, by id."""
    retired: tuple[str, ...] = ()
    """Chargers that have left, by id, the last one last."""
    alert_seq: int = 0
    """The last number given in the stream of alerts and maintenance."""


class Concluded(NamedTuple):
    """What is over with a reading: an outage, with what its site tells of its cause, and an attempt."""

    outage: Outage | None = None
    tried: Tried | None = None


NOTHING_CONCLUDED = Concluded()


class Outcome(NamedTuple):
    """What one reading led to.

    evse: what it was found to be about.
    judgement: None where the reading speaks of the past (late, retained, in a burst) and judges nothing.
    refusal: why the reading found no place; then nothing else happened.
    news: the answers, where they say something new and are worth telling upwards.
    watches: those that changed; None where nothing is left to watch.
    concluded: what is over with it.
    """

    reading: Reading
    evse: EvseId
    charger: Charger | None = None
    judgement: Judgement | None = None
    alerts: tuple[Alert, ...] = ()
    news: tuple[FailureAnswer, AnomalyAnswer] | None = None
    refusal: Rejected | None = None
    watches: Mapping[AlertType, Watch | None] = MappingProxyType({})
    concluded: Concluded = NOTHING_CONCLUDED

    @property
    def presses(self) -> bool:
        """Whether it must be kept at once: an alert, an event, a change of status. Plain samples wait."""
        if self.charger is None:
            return False
        if self.alerts or self.reading.event is not None:
            return True
        return self.charger.status_since == self.reading.at


def step(site: Site, readings: Sequence[Reading], models: Models) -> tuple[Site, list[Outcome]]:
    """Return the site after the readings, and what each led to, in order."""
    chargers, heard = dict(site.chargers), dict(site.heard)
    observed = [_observe((chargers, heard), reading, site) for reading in readings]
    judged = _judged(observed, models)
    conclusions = _Conclusions(site, dict(site.watches), dict(site.told), site.alert_seq)
    outcomes = [
        conclusions.conclude(each, judgement) for each, judgement in zip(observed, judged, strict=True)
    ]
    after = replace(
        site,
        chargers=chargers,
        heard=heard,
        watches=conclusions.watches,
        told=conclusions.told,
        alert_seq=conclusions.alert_seq,
    )
    return after, outcomes


class _Seen(NamedTuple):
    """A reading, the EVSE it is about, and the charger after it or why it found no place."""

    reading: Reading
    evse: EvseId
    observed: Observed | None
    refusal: Rejected | None = None
    concluded: Concluded = NOTHING_CONCLUDED

    @property
    def speaks_of_now(self) -> bool:
        return self.observed is not None and self.observed.current


Known = tuple[dict[EvseId, Charger], dict[str, datetime]]
"""The chargers, and when each was last heard, while a batch goes through."""


def _observe(known: Known, reading: Reading, site: Site) -> _Seen:
    chargers, _ = known
    evse = locate(chargers, reading)
    charger = chargers.get(evse)
    if charger is None:
        refusal = _unwanted(chargers, reading, site) or _no_room(chargers, evse, site.most_chargers)
        if refusal is not None:
            return _Seen(reading, evse, None, refusal)
        charger = newcomer(evse, reading.at)
    observed = _folded(charger, reading, known)
    return _Seen(reading, evse, observed, concluded=_concluded(charger, observed.charger, chargers))


def _concluded(before: Charger, after: Charger, chargers: Mapping[EvseId, Charger]) -> Concluded:
    """Return the outage and the attempt that a reading has ended."""
    outage, tried = after.outages.last, after.attempts.last
    if outage is before.outages.last and tried is before.attempts.last:
        return NOTHING_CONCLUDED
    ended = None if outage is None or outage is before.outages.last else of_the_site(outage, chargers)
    return Concluded(ended, None if tried is before.attempts.last else tried)


def _judged(seen: Sequence[_Seen], models: Models) -> list[Judgement | None]:
    """Return a judgement for each reading that speaks of the present."""
    present = [
        (each.observed, each.reading.at)
        for each in seen
        if each.observed is not None and each.observed.current
    ]
    judgements = iter(judge(present, models))
    return [next(judgements) if each.speaks_of_now else None for each in seen]


def locate(chargers: Mapping[EvseId, Charger], reading: Reading) -> EvseId:
    """Return which EVSE a reading is about, by its transaction where it names no connector.

    A transaction that nobody knows belongs to the only EVSE with a session running, else to the cabinet.
    """
    if reading.connector_id is not None:
        return reading.evse
    running = {
        evse: charger.sessions.current
        for evse, charger in chargers.items()
        if evse.charger_id == reading.charger_id and charger.sessions.current is not None
    }
    unnamed = []
    for evse, session in running.items():
        if reading.call_id is not None and session.call_id == reading.call_id:
            return evse
        if reading.transaction_id is not None and session.transaction_id == reading.transaction_id:
            return evse
        if session.transaction_id is None:
            unnamed.append(evse)
    only = len(unnamed) == 1 and reading.call_id is None
    return unnamed[0] if only else reading.evse


def _unwanted(chargers: Mapping[EvseId, Charger], reading: Reading, site: Site) -> Rejected | None:
    """Refuse what a broker retained of a charger that has left: it would be back with each connection."""
    charger_id = reading.charger_id
    if not reading.retained or charger_id not in site.retired:
        return None
    if any(known.charger_id == charger_id for known in chargers):
        return None
    return Rejected(f"{charger_id} was retired: erase what the broker still retains of it under this topic")


def _no_room(chargers: Mapping[EvseId, Charger], evse: EvseId, most: int) -> Rejected | None:
    ids = {known.charger_id for known in chargers}
    if evse.charger_id not in ids:
        reason = f"{evse.charger_id} is one charger too many: limits.chargers is {most}"
        return Rejected(reason) if len(ids) >= most else None
    connectors = sum(known.charger_id == evse.charger_id and known.connector_id > 0 for known in chargers)
    if evse.connector_id > 0 and connectors >= CONNECTORS_A_CHARGER:
        reason = (
            f"{evse.connector_id} is one connector too many: a charger has {CONNECTORS_A_CHARGER} at most"
        )
        return Rejected(reason)
    return None


@dataclass(slots=True)
class _Conclusions:
    """The part of the state that conclusions change, while a batch goes through."""

    site: Site
    watches: dict[EvseId, Mapping[AlertType, Watch]]
    told: dict[EvseId, Told]
    alert_seq: int

    def conclude(self, seen: _Seen, judged: Judgement | None) -> Outcome:
        if seen.observed is None:
            return Outcome(seen.reading, seen.evse, refusal=seen.refusal)
        evse, charger = seen.evse, seen.observed.charger
        if judged is None:
            return Outcome(seen.reading, evse, charger, concluded=seen.concluded)
        before = self.watches.get(evse, NO_WATCHES)
        quiet = self.site.quiet.get(evse.charger_id)
        after, news = advance_all(
            before,
            judged,
            (self.site.epoch, self.alert_seq),
            under_work=quiet is not None and judged.at < quiet.until,
        )
        if after is not before:
            self.watches[evse] = after
            self.alert_seq += len(news)
        say = _says_something_new(self.told.get(evse), judged)
        if say:
            failure = judged.failure
            self.told[evse] = Told(judged.at, failure.action, failure.probability, judged.anomaly.type)
        told = answers(judged) if say else None
        return Outcome(
            seen.reading, evse, charger, judged, news, told, None, _changes(before, after), seen.concluded
        )


def _changes(
    before: Mapping[AlertType, Watch], after: Mapping[AlertType, Watch]
) -> Mapping[AlertType, Watch | None]:
    if after is before:
        return NO_WATCHES
    return {kind: after.get(kind) for kind in {**before, **after} if after.get(kind) is not before.get(kind)}


NO_WATCHES: Mapping[AlertType, Watch] = {}


def _says_something_new(before: Told | None, judged: Judgement) -> bool:
    return (
        before is None
        or before.action is not judged.failure.action
        or before.anomaly is not judged.anomaly.type
        or abs(before.probability - judged.failure.probability) >= PROBABILITY_MOVED
        or judged.at - before.at >= TELL_AGAIN
    )


def refold(site: Site, chargers: Mapping[EvseId, Charger], since: Iterable[tuple[EvseId, Reading]]) -> Site:
    """Return the site with the chargers of a snapshot and the readings that were kept since."""
    folded, heard = dict(chargers), last_heard(chargers)
    for evse, reading in since:
        _folded(folded.get(evse) or newcomer(evse, reading.at), reading, (folded, heard))
    return replace(site, chargers=folded, heard=heard)


def last_heard(chargers: Mapping[EvseId, Charger]) -> dict[str, datetime]:
    """Return when each charger, by id, was last heard through any of its EVSEs."""
    heard: dict[str, datetime] = {}
    for evse, charger in chargers.items():
        if charger.heard_at is not None:
            heard[evse.charger_id] = max(charger.heard_at, heard.get(evse.charger_id, charger.heard_at))
    return heard


def _folded(charger: Charger, reading: Reading, known: Known) -> Observed:
    """Bring what is known up to date by a reading, and return how it was observed."""
    chargers, heard = known
    evse, charger_id = charger.evse, reading.charger_id
    if not charger.readings:
        charger = _acquainted(charger, reading, chargers)
    heard_before = heard.get(charger_id)
    observed = observe(charger, reading, heard_before)
    after = chargers[evse] = recorded(charger, observed.charger, reading, heard_before)
    if after is not observed.charger:
        observed = observed._replace(charger=after)
    if after.heard_at is not None:
        heard[charger_id] = max(after.heard_at, heard.get(charger_id, after.heard_at))
    if reading.event is Event.BOOT and evse.connector_id == 0 and not (reading.retained or reading.burst):
        for other, sibling in list(chargers.items()):
            if other.charger_id == charger_id and other != evse:
                chargers[other] = booted(sibling, reading.at)
    return observed


def _acquainted(charger: Charger, reading: Reading, chargers: Mapping[EvseId, Charger]) -> Charger:
    """Return an EVSE that has said nothing yet as it is when it begins to, by its own clock.

    What is normal for others of its model is normal for it too, where the site has one that is known.
    """
    if reading.source is not Source.AGENT:
        charger = replace(charger, last_at=reading.at)
    model = reading.metrics.model
    for other in chargers.values():
        if model is not None and other.now.model == model and not other.baselines.young:
            return replace(charger, baselines=borrowed(other.baselines))
    return charger
