"""What the LAN interface may ask or order. Questions are answered from memory; orders go to the pipeline."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from edge_agent import __version__
from edge_agent.core import asking
from edge_agent.core.asking import Question
from edge_agent.core.judgement import answers
from edge_agent.core.suggestions import Decision
from edge_agent.core.work import work_done
from edge_agent.errors import ModelError, StoreError
from edge_agent.health import DISABLED, Facts, assess
from edge_agent.ingest.parts import View
from edge_agent.ingest.state import open_alerts
from edge_agent.overview import Operator, soonest_first, summaries, summary
from edge_agent.ports import Changes
from edge_agent.shelf import FILE_MODELS, OPTIMISER
from edge_agent.wire.alert import Silence
from edge_agent.wire.answers import FailureAnswers, SuggestionState
from edge_agent.wire.metrics import ConnectorStatus
from edge_agent.wire.rest import ChargerSummary, Recording, ReloadAnswer
from edge_agent.wire.rollout import Rollout
from edge_agent.wire.service import Deed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edge_agent.clock import Clock
    from edge_agent.core.charger import Charger
    from edge_agent.core.judgement import Judgement
    from edge_agent.ingest.inbox import Inbox
    from edge_agent.ingest.thread import Ingest
    from edge_agent.ports import Message, StoreUsage
    from edge_agent.shelf import Shelf
    from edge_agent.wire.alert import Acknowledgement, Alert, Quiet
    from edge_agent.wire.answers import AnomalyAnswer, FailureAnswer, MaintenanceAnswer
    from edge_agent.wire.metrics import Metrics
    from edge_agent.wire.rest import DecisionRequest, DeviceChangeRequest, Health, ModelEntry, RecordedMessage
    from edge_agent.wire.service import Change, DeviceChange, WorkDone, WorkRequest
    from edge_agent.wire.types import EvseId

MOST_REMEMBERED = 1_000
"""Answers to requests about chargers that the pipeline has never heard."""
MOST_RECORDED = 1_000
"""Messages in one answer."""
DECISIONS = {
    "ACCEPT": SuggestionState.ACCEPTED,
    "MOVE": SuggestionState.SCHEDULED,
    "REJECT": SuggestionState.REJECTED,
}
DRIFTING = "failure_predictor"


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the desk looks."""

    ingest: Ingest
    inbox: Inbox
    shelf: Shelf
    clock: Clock
    usage: Callable[[], StoreUsage]
    other_names: Callable[[Message], RecordedMessage]
    """Makes of a message that arrived one that may leave the site."""
    endpoint: Callable[[], Mapping[str, Any]] = DISABLED.copy
    """How the OCPP endpoint is."""
    uplink: Callable[[], Mapping[str, Any]] = DISABLED.copy
    """How the way up is."""
    rollout: Callable[[], Rollout] = lambda: Rollout(judging=0, highest=0)
    """Which release of the models judges, and which is being tried."""


class Desk:
    """See `ports.Desk`. It looks at the pipeline's last view, and never waits for the pipeline to look."""

    def __init__(self, sources: Sources, operator: Operator) -> None:
        self._sources = sources
        self.operator = operator
        self._asked: OrderedDict[str, FailureAnswer] = OrderedDict()
        self._hits = 0
        self._misses = 0

    def failures(self, asked: Sequence[tuple[str, Metrics]], tenant_id: str | None) -> list[FailureAnswer]:
        """See `ports.Desk`."""
        questions = [Question(charger_id, metrics, tenant_id) for charger_id, metrics in asked]
        found = asking.failures(
            questions, self._chargers, self._sources.shelf.models, self._sources.clock.now()
        )
        for answer in found:
            self._remember(answer)
        return found

    def anomaly(self, charger_id: str, metrics: Metrics, tenant_id: str | None) -> AnomalyAnswer:
        """See `ports.Desk`."""
        question = Question(charger_id, metrics, tenant_id)
        return asking.anomaly(question, self._chargers, self._sources.shelf.models, self._sources.clock.now())

    def maintenance(self, charger_id: str, metrics: Metrics, tenant_id: str | None) -> MaintenanceAnswer:
        """See `ports.Desk`."""
        question = Question(charger_id, metrics, tenant_id)
        when = (self._sources.clock.now(), self.operator.terms)
        return asking.maintenance(question, self._chargers, self._sources.shelf.models, when)

    def latest(self, charger_id: str) -> FailureAnswers | None:
        """See `ports.Desk`."""
        judged = [
            each for evse, each in self._sources.ingest.view.latest.items() if evse.charger_id == charger_id
        ]
        if judged:
            self._hits += 1
            found = [answers(each)[0] for each in sorted(judged, key=_in_service_and_riskiest_first)]
            return FailureAnswers(**found[0].__dict__, connectors=found)
        remembered = self._asked.get(charger_id)
        if remembered is None:
            self._misses += 1
            return None
        self._hits += 1
        return FailureAnswers(**remembered.__dict__, connectors=[remembered])

    def models(self) -> list[ModelEntry]:
        """See `ports.Desk`."""
        rollout = self._sources.rollout().model_dump(mode="json")
        more: dict[str, dict[str, Any]] = {name: {"rollout": rollout} for name in FILE_MODELS}
        more[DRIFTING]["drift"] = dict(self._sources.ingest.view.drift)
        return [
            each.model_copy(update={"metadata": {**each.metadata, **more.get(each.name, {})}})
            for each in self._sources.shelf.entries()
        ]

    def reload(self, model_name: str | None, who: str) -> ReloadAnswer:
        """See `ports.Desk`."""
        names = FILE_MODELS if model_name is None else [name for name in FILE_MODELS if name == model_name]
        if not names and model_name != OPTIMISER:
            reason = f"there is no model {model_name!r}; there are {', '.join(FILE_MODELS)}"
            raise ModelError(reason)
        now = self._sources.clock.now()
        try:
            versions = [self._sources.shelf.reload(name, now) for name in names]
        finally:  # one may serve already where the next is refused
            self._sources.inbox.order(self._sources.ingest.swapped)
        deed = self._deed(who, ("reload", model_name or "all"))
        self._sources.inbox.order(partial(self._sources.ingest.did, deed))
        return ReloadAnswer(
            success=True,
            model_name=model_name or "all",
            version=", ".join(versions) or self.models()[-1].version,
            message="loaded and judging" if names else "it is part of the program: nothing to load",
            timestamp=now,
        )

    def health(self) -> Health:
        """See `ports.Desk`."""
        sources, view = self._sources, self._sources.ingest.view
        return assess(
            Facts(
                version=__version__,
                cache_hits=self._hits,
                cache_misses=self._misses,
                models=sources.shelf.entries(),
                listening_since=view.listening_since,
                watch_only=view.watch_only,
                usage=self._usage(),
                least_free_bytes=self.operator.least_free_bytes,
                clock=sources.clock.trust(),
                waiting=sources.inbox.waiting,
                since_turn_s=sources.clock.monotonic() - sources.ingest.turned_s,
                drift=view.drift,
                endpoint=sources.endpoint(),
                uplink=sources.uplink(),
            )
        )

    def chargers(self) -> list[ChargerSummary]:
        """See `ports.Desk`."""
        return summaries(self._sources.ingest.view, self.operator, self._sources.clock.now())

    def alerts(self) -> list[Alert]:
        """See `ports.Desk`."""
        return open_alerts(self._sources.ingest.view.site)

    def mark(self) -> View:
        """See `ports.Desk`."""
        return self._sources.ingest.view

    def changes_since(self, mark: object) -> tuple[View, Changes]:
        """See `ports.Desk`."""
        now, before = self.mark(), _view(mark)
        if now is before:
            return now, NOTHING_CHANGED
        known = {alert.alert_id: alert.seq for alert in open_alerts(before.site)}
        there = open_alerts(now.site)
        over = known.keys() - {alert.alert_id for alert in there}
        return now, Changes(
            alerts=[alert for alert in there if known.get(alert.alert_id) != alert.seq],
            over=tuple(sorted(over)),
            suggestions=[
                each for name, each in now.suggestions.items() if before.suggestions.get(name) is not each
            ],
        )

    def chargers_since(self, mark: object) -> tuple[View, list[ChargerSummary]]:
        """See `ports.Desk`."""
        now, before = self.mark(), _view(mark)
        return now, [
            self._summary(evse)
            for evse, judged in now.latest.items()
            if before.latest.get(evse) is not judged
            or before.site.watches.get(evse) is not now.site.watches.get(evse)
            or before.suggestions.get(evse.charger_id) is not now.suggestions.get(evse.charger_id)
        ]

    def suggestions(self) -> list[MaintenanceAnswer]:
        """See `ports.Desk`."""
        return soonest_first(self._sources.ingest.view)

    def answer_alert(self, told: Acknowledgement | Silence, who: str) -> Alert | None:
        """See `ports.Desk`."""
        action = "silence" if isinstance(told, Silence) else "acknowledge"
        deed = self._deed(who, (action, told.alert_id), told.by, told.note)
        return self._sources.inbox.order(partial(self._sources.ingest.answer_alert, told, deed))

    def decide(self, suggestion_id: str, request: DecisionRequest, who: str) -> MaintenanceAnswer | None:
        """See `ports.Desk`."""
        what = (request.decision.lower(), suggestion_id)
        deed = self._deed(who, what, request.by, request.reason)
        decision = Decision(DECISIONS[request.decision], deed.at, request.at, request.reason)
        return self._sources.inbox.order(partial(self._sources.ingest.decide, suggestion_id, decision, deed))

    def recording(self, after: int | None) -> Recording:
        """See `ports.Desk`."""
        recorder, other_names = self._sources.ingest.recorder, self._sources.other_names
        kept, missed = recorder.after(after or 0, MOST_RECORDED if after is not None else 0)
        latest = recorder.number if after is None else after
        return Recording(
            items=[other_names(message) for _, message in kept],
            next=kept[-1][0] if kept else latest,
            missed=missed if after is not None else 0,
        )

    def quieten(self, quiet: Quiet, who: str) -> Quiet | None:
        """See `ports.Desk`."""
        if all(evse.charger_id != quiet.charger_id for evse in self._chargers):
            return None
        since = self._sources.clock.now()
        deed = self._deed(who, ("quiet", quiet.charger_id), quiet.by, quiet.note)
        told = quiet.model_copy(update={"since": since})
        return self._sources.inbox.order(partial(self._sources.ingest.quieten, told, deed))

    def change_device(
        self, charger_id: str, change: Change, request: DeviceChangeRequest, who: str
    ) -> DeviceChange | None:
        """See `ports.Desk`."""
        deed = self._deed(who, (change.lower(), charger_id), request.by, request.note)
        order = partial(self._sources.ingest.change_device, charger_id, change, deed)
        return self._sources.inbox.order(order)

    def work_done(self, charger_id: str, request: WorkRequest, who: str) -> WorkDone | None:
        """See `ports.Desk`."""
        if all(evse.charger_id != charger_id for evse in self._chargers):
            return None
        done = work_done(charger_id, request)
        deed = self._deed(who, ("work", done.maintenance_id), request.by, request.note)
        return self._sources.inbox.order(partial(self._sources.ingest.work_done, done, deed))

    def _deed(self, who: str, what: tuple[str, str], by: str | None = None, note: str | None = None) -> Deed:
        """what: action and subject."""
        action, subject = what
        now = self._sources.clock.now()
        return Deed(at=now, who=who, action=action, subject=subject, by=by, note=note)

    @property
    def _chargers(self) -> Mapping[EvseId, Charger]:
        return self._sources.ingest.view.site.chargers

    def _usage(self) -> StoreUsage | None:
        try:
            return self._sources.usage()
        except StoreError:
            return None

    def _remember(self, answer: FailureAnswer) -> None:
        self._asked[answer.charger_id] = answer
        self._asked.move_to_end(answer.charger_id)
        if len(self._asked) > MOST_REMEMBERED:
            self._asked.popitem(last=False)

    def _summary(self, evse: EvseId) -> ChargerSummary:
        return summary(self._sources.ingest.view, evse, self.operator, self._sources.clock.now())


NOTHING_CHANGED = Changes()


def _view(mark: object) -> View:
    if not isinstance(mark, View):
        raise TypeError(mark)
    return mark


OUT_OF_SERVICE = frozenset({ConnectorStatus.UNAVAILABLE, ConnectorStatus.OFFLINE, ConnectorStatus.FAULTY})


def _in_service_and_riskiest_first(judged: Judgement) -> tuple[bool, float, int]:
    charger = judged.charger
    return charger.status in OUT_OF_SERVICE, -judged.failure.probability, charger.connector_id
