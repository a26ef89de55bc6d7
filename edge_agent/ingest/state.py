"""The live state of the site: what the core's decisions are made from and what they led to.

Owned by the pipeline thread. Each change goes into the batch that is being filled, so that what is kept
and what is in memory are the same.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from pydantic import TypeAdapter

from edge_agent.core import attempts, downtime
from edge_agent.core.alert import answered
from edge_agent.core.devices import departed, others
from edge_agent.core.downtime import FAILURE_AFTER
from edge_agent.core.judgement import Judgement, answers, judge_again
from edge_agent.core.maintenance import Subject, suggestions
from edge_agent.core.models import Models
from edge_agent.core.pipeline import Outcome, Site, refold, step
from edge_agent.core.rules import RulesAnomaly, RulesFailure
from edge_agent.core.silence import silence
from edge_agent.core.standing import Standing, site_offline, stood
from edge_agent.core.suggestions import Decision, decided, due, settled
from edge_agent.core.telling import ToldReading, is_worth_telling
from edge_agent.core.work import readings_of
from edge_agent.errors import DEFECT
from edge_agent.wire.alert import AlertType, Quiet
from edge_agent.wire.answers import SuggestionState
from edge_agent.wire.metrics import ConnectorStatus, Metrics
from edge_agent.wire.outbox import Stream
from edge_agent.wire.service import DeviceChange
from edge_agent.wire.types import SITE, EvseId

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime, timedelta

    from edge_agent.core.charger import Charger
    from edge_agent.core.downtime import Outage
    from edge_agent.core.silence import Listening, Patience
    from edge_agent.core.telling import Which
    from edge_agent.core.terms import Terms
    from edge_agent.ingest.batch import Batch
    from edge_agent.ports import Restored
    from edge_agent.wire.alert import Acknowledgement, Alert, Silence
    from edge_agent.wire.answers import MaintenanceAnswer
    from edge_agent.wire.reading import Reading
    from edge_agent.wire.service import Change, Deed, Gap, WorkDone

log = logging.getLogger(__name__)

MOST_GAPS = 1_000
QUIET = "quiet"
"""Under which name the chargers under work are kept."""
QUIETS = TypeAdapter(list[Quiet])
RETIRED = "retired"
"""Under which name the chargers that have left are kept."""
NAMES = TypeAdapter(tuple[str, ...])
Meta = TypeVar("Meta")
RULES = Models(RulesFailure(), RulesAnomaly())


class State:
    """Chargers, watches, latest judgements and suggestions."""

    def __init__(
        self, site: Site, failure_after: timedelta = FAILURE_AFTER, which_readings: Which = "none"
    ) -> None:
        """failure_after: how long an outage must last to be a failure. which_readings: go up."""
        self.which_readings: Which = which_readings
        self._told_readings: dict[EvseId, ToldReading] = {}
        self.site = site
        self.gaps: deque[Gap] = deque(maxlen=MOST_GAPS)
        """When nothing could be heard, oldest first."""
        self.failure_after = failure_after
        self.latest: dict[EvseId, Judgement] = {}
        self.suggestions: dict[str, MaintenanceAnswer] = {}

    def restore(self, kept: Restored, since: Iterable[tuple[EvseId, Reading]], models: Models) -> None:
        """Become what the last run was: its snapshot, and the readings since folded again."""
        self.site = replace(
            refold(self.site, kept.chargers, since),
            watches=dict(kept.watches),
            alert_seq=kept.last_seq.get(Stream.ALERTS, 0),
            quiet={each.charger_id: each for each in _kept(QUIETS, kept.meta.get(QUIET), [])},
            retired=_kept(NAMES, kept.meta.get(RETIRED), ()),
        )
        self.suggestions = {each.charger_id: each for each in kept.suggestions}
        self.gaps.extend(kept.gaps)
        self.rejudge(models)

    def rejudge(self, models: Models) -> None:
        """Judge every EVSE anew as it stands."""
        self.latest = judge_again(self.site.chargers, models)

    def observe(self, readings: Sequence[Reading], models: Models, batch: Batch) -> list[Outcome]:
        """Let the core judge readings and put what follows into the batch; return what each led to."""
        self.site, outcomes = _stepped(self.site, readings, models)
        for outcome in outcomes:
            batch.add(outcome, goes_up=self._goes_up(outcome))
            if outcome.judgement is not None:
                self.latest[outcome.evse] = outcome.judgement
        for outcome in outcomes:  # their alerts have their numbers already
            self._conclude(outcome, batch)
        return outcomes

    def _goes_up(self, outcome: Outcome) -> bool:
        """Say whether a reading is worth sending up, and remember it if so."""
        judged, reading = outcome.judgement, outcome.reading
        if outcome.refusal is not None or self.which_readings == "none":
            return False
        if judged is None:  # of the past: whole measurements fill the history there too
            return isinstance(reading.metrics, Metrics) and not reading.retained
        before = self._told_readings.get(outcome.evse)
        now, at = judged.charger.now, outcome.reading.at
        if not is_worth_telling(before, now, at, self.which_readings):
            return False
        self._told_readings[outcome.evse] = ToldReading(now, at)
        return True

    def _conclude(self, outcome: Outcome, batch: Batch) -> None:
        outage, tried = outcome.concluded
        if outage is not None:
            self._tell_outage(outcome.evse, outage, outcome.reading.at, batch)
        if tried is not None:
            batch.tell_attempt(attempts.told(outcome.evse, tried))

    def _tell_outage(self, evse: EvseId, outage: Outage, at: datetime, batch: Batch) -> None:
        told = downtime.told(evse, outage, self.gaps, at, self.failure_after)
        batch.tell_downtime(told, at, self._next_alert_seq())

    def change_device(self, charger_id: str, change: Change, deed: Deed, batch: Batch) -> DeviceChange | None:
        """Let a charger be gone, or be another device, and put that into the batch; its history stays.

        Returns None where no charger of that id is known.
        """
        before, gone = self.site, departed(self.site, charger_id, change, deed.at)
        if gone is None:
            return None
        self.site = gone.site
        self._forget(charger_id, before, batch)
        for alert in gone.alerts:
            batch.tell_alert(alert)
        for evse, outage in gone.outages.items():
            self._tell_outage(evse, downtime.of_the_site(outage, before.chargers), deed.at, batch)
        self._withdraw(charger_id, change, deed, batch)
        known = (evse.connector_id for evse in before.chargers if evse.charger_id == charger_id)
        told = DeviceChange(
            charger_id=charger_id,
            connector_ids=tuple(sorted(known)),
            at=deed.at,
            change=change,
            by=deed.by or deed.who,
            note=deed.note,
        )
        batch.tell_device_change(told, self._next_alert_seq())
        return told

    def _forget(self, charger_id: str, before: Site, batch: Batch) -> None:
        """Have what stood of a charger forgotten here and in the store."""
        self.latest = others(self.latest, charger_id)
        self._told_readings = others(self._told_readings, charger_id)
        for evse in before.watches.keys() - self.site.watches.keys():
            for kind in before.watches[evse]:
                batch.commit.watches[evse, kind] = None
        batch.commit.meta[RETIRED] = NAMES.dump_json(self.site.retired).decode()
        self._keep_quiets(batch)

    def _withdraw(self, charger_id: str, change: Change, deed: Deed, batch: Batch) -> None:
        """Have whoever was told of a suggestion for the device told that it stands no more."""
        standing = self.suggestions.pop(charger_id, None)
        reason = f"the charger was {change.lower()}"
        no_more = Decision(SuggestionState.REJECTED, deed.at, reason=reason)
        withdrawn = None if standing is None else decided(standing, no_more)
        if withdrawn is not None:
            batch.suggest(withdrawn, self._next_alert_seq())

    def work_done(self, done: WorkDone, now: datetime, batch: Batch) -> list[Reading]:
        """Put work that was done into the batch; return the readings that tell the EVSEs of it."""
        batch.tell_work(done, now, self._next_alert_seq())
        quiet = self.site.quiet.get(done.charger_id)
        if quiet is not None:
            self.quieten(quiet.model_copy(update={"since": now, "until": now}), batch)
        standing = self.suggestions.get(done.charger_id)
        if standing is not None and standing.suggestion_id == done.suggestion_id:
            finished = standing.model_copy(update={"state": SuggestionState.DONE, "timestamp": now})
            self.suggestions[done.charger_id] = finished
            batch.suggest(finished, self._next_alert_seq())
        return readings_of(done, self.site.chargers, now)

    def heard_nothing(self, gap: Gap, batch: Batch) -> None:
        """Take note of time in which nothing could be heard."""
        self.gaps.append(gap)
        batch.commit.facts.append(gap)

    def clock_stepped(self) -> None:
        """Take note that the wall clock was set: no gap is measured across it."""
        self.site = replace(self.site, heard={})

    def silence(self, now: datetime, since: Listening, patience: Patience, batch: Batch) -> list[Reading]:
        """Return what the silence of chargers says; put the site's own into the batch."""
        found = silence(self.site.chargers, now, since, patience)
        if found.together is not None:
            self._site_silent(found.together, now, batch)
        return found.readings

    def _site_silent(self, together: frozenset[str], now: datetime, batch: Batch) -> None:
        before = self.site.watches.get(SITE, {}).get(AlertType.SITE_OFFLINE)
        self.tell_standing((SITE, AlertType.SITE_OFFLINE), site_offline(before, together), now, batch)

    def tell_standing(
        self, place: tuple[EvseId, AlertType], found: Standing | None, now: datetime, batch: Batch
    ) -> None:
        """Watch over a problem that stands without any reading; put the news of it into the batch."""
        evse, kind = place
        watches = self.site.watches.get(evse, {})
        before, seq = watches.get(kind), self.site.alert_seq + 1
        after, alert = stood(place, before, found, now, (self.site.epoch, seq))
        if after is before:
            return
        changed = {name: watch for name, watch in watches.items() if name is not kind}
        if after is not None:
            changed[kind] = after
        self.site = replace(self.site, watches={**self.site.watches, evse: changed})
        batch.commit.watches[evse, kind] = after
        if alert is not None:
            self.site = replace(self.site, alert_seq=seq)
            batch.tell_alert(alert)

    def answer_alert(self, told: Acknowledgement | Silence, at: datetime, batch: Batch) -> Alert | None:
        """Acknowledge or silence an open alert and return it; None where none of that id is open."""
        for evse, watches in self.site.watches.items():
            for kind, watch in watches.items():
                after, alert = answered(watch, told, at, self.site.alert_seq + 1)
                if alert is not None:
                    changed = {**self.site.watches, evse: {**watches, kind: after}}
                    self.site = replace(self.site, watches=changed, alert_seq=alert.seq)
                    batch.commit.watches[evse, kind] = after
                    batch.tell_alert(alert)
                    return alert
        return None

    def weigh_maintenance(self, terms: Terms, now: datetime, batch: Batch) -> None:
        """Weigh maintenance anew for all chargers together, each by its worst EVSE; tell what moved.

        Only a calibrated model gives probabilities that costs can be weighed with. What is merely silent is
        left as it was: see `_is_waited_for`.
        """
        judged = [each for each in self._worst() if not self._is_waited_for(each[0].charger, now)]
        for fresh in suggestions([_subject(each, now) for each in judged], terms):
            before = self.suggestions.get(fresh.charger_id)
            kept = settled(before, fresh)
            if kept is not before and (fresh.action_required or before is not None):
                self.suggestions[fresh.charger_id] = kept
                batch.suggest(kept, self._next_alert_seq())
        for charger_id, standing in self.suggestions.items():
            only = standing.connector_ids[0] if len(standing.connector_ids) == 1 else 0
            place = EvseId(charger_id, only), AlertType.MAINTENANCE_DUE
            self.tell_standing(place, due(standing, now), now, batch)

    def _is_waited_for(self, charger: Charger, now: datetime) -> bool:
        """Tell whether a charger is silent, and no reason to come yet: with the whole site, or not for long.

        Most come back by themselves or by a reset from afar.
        """
        if charger.status is not ConnectorStatus.OFFLINE:
            return False
        together = self.is_open(SITE, AlertType.SITE_OFFLINE)
        return together or now - charger.status_since < self.failure_after

    def decide(self, suggestion_id: str, decision: Decision, batch: Batch) -> MaintenanceAnswer | None:
        """Take what somebody decided of a suggestion and return it; None where there is none of that id."""
        for standing in self.suggestions.values():
            if standing.suggestion_id == suggestion_id:
                after = decided(standing, decision)
                if after is not None:
                    self.suggestions[after.charger_id] = after
                    batch.suggest(after, self._next_alert_seq())
                return after
        return None

    def quieten(self, quiet: Quiet, batch: Batch) -> None:
        """Let a charger under work raise no alerts until then; a time that is past ends it."""
        known = {**self.site.quiet, quiet.charger_id: quiet}
        there = {name: each for name, each in known.items() if each.until > quiet.since}
        self.site = replace(self.site, quiet=there)
        self._keep_quiets(batch)

    def _keep_quiets(self, batch: Batch) -> None:
        batch.commit.meta[QUIET] = QUIETS.dump_json(list(self.site.quiet.values())).decode()

    def alert_of(self, evse: EvseId, kind: AlertType) -> Alert | None:
        """Return the alert of that type that is open for an EVSE."""
        watch = self.site.watches.get(evse, {}).get(kind)
        return None if watch is None else watch.alert

    def is_open(self, evse: EvseId, kind: AlertType) -> bool:
        """Return whether such an alert is open."""
        return self.alert_of(evse, kind) is not None

    def tell_gateway(self, status: str, at: datetime, batch: Batch) -> None:
        """Have the gateway's own status told upwards."""
        batch.tell_gateway(status, at, self._next_alert_seq())

    def tell_gap(self, lost: Mapping[str, int], at: datetime, batch: Batch) -> None:
        """Have it told what was lost, by kind."""
        batch.tell_gap(lost, at, self._next_alert_seq())

    def _next_alert_seq(self) -> int:
        self.site = replace(self.site, alert_seq=self.site.alert_seq + 1)
        return self.site.alert_seq

    def _worst(self) -> list[list[Judgement]]:
        """Return the EVSEs of each charger, the one at most risk first."""
        chargers: dict[str, list[Judgement]] = {}
        for evse, judged in self.latest.items():
            if judged.models.failure.calibrated:
                chargers.setdefault(evse.charger_id, []).append(judged)
        return [sorted(each, key=lambda judged: -judged.failure.probability) for each in chargers.values()]


def _kept(kind: TypeAdapter[Meta], text: str | None, otherwise: Meta) -> Meta:
    try:
        return otherwise if text is None else kind.validate_json(text)
    except ValueError:  # a newer agent wrote it, before this one was put back
        return otherwise


def _subject(judged: Sequence[Judgement], now: datetime) -> Subject:
    """Return a charger by its EVSEs, the one at most risk first."""
    told = [answers(each)[0] for each in judged]
    needing = [answer.connector_id for answer in told if answer.action_required]
    return Subject(
        judged[0].charger,
        told[0].model_copy(update={"timestamp": now}),
        tuple(sorted(needing)) or (told[0].connector_id,),
    )


def _stepped(site: Site, readings: Sequence[Reading], models: Models) -> tuple[Site, list[Outcome]]:
    """Step; a reading on which the core fails by a defect of ours is refused alone, by halving.

    It would else end the process, come again after the restart, and end it again for ever.
    """
    try:
        return step(site, readings, models)
    except Exception:
        if len(readings) == 1:
            log.exception("a defect of the agent; please report this")
            return _stepped_alone(site, readings[0])
    half = len(readings) // 2
    site, first = _stepped(site, readings[:half], models)
    site, second = _stepped(site, readings[half:], models)
    return site, first + second


def _stepped_alone(site: Site, reading: Reading) -> tuple[Site, list[Outcome]]:
    """Step one reading on which a step has failed: with the rules, as a model may be what fails."""
    try:
        return step(site, [reading], RULES)
    except Exception:
        log.exception("a reading was refused by a defect of the agent; please report this")
        return site, [Outcome(reading, reading.evse, refusal=DEFECT)]


def open_alerts(site: Site) -> list[Alert]:
    """Return the alerts of a site that are not cleared, newest first."""
    alerts = [
        watch.alert
        for watches in site.watches.values()
        for watch in watches.values()
        if watch.alert is not None
    ]
    return sorted(alerts, key=lambda alert: (alert.raised_at, alert.alert_id), reverse=True)
