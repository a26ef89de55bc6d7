"""The life of an alert. One physical problem is one alert, not a message a reading.

    state         sign present        sign absent          acknowledged
    (none)        OPEN, after enough  (none)               -
    OPEN          OPEN, counted       CLEARED, if it stays ACKNOWLEDGED
    ACKNOWLEDGED  counted             CLEARED, if it stays ACKNOWLEDGED
    CLEARED       a new alert          remembered for SOON  -

A problem that comes back SOON after it was over, time after time, flaps: from the FLAPS-th return on, its
alert stays until the sign was gone for CALM, however often it comes and goes meanwhile. What endangers people
is told each time.

RULES says for each type what its sign is, and how many samples and seconds must agree before it is
raised and before it is cleared.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.core.anomaly import CRITICAL_C, HALVING_Z, HOT_C
from edge_agent.core.baseline import OUTLIER_Z
from edge_agent.core.identity import hashed_uuid
from edge_agent.wire.alert import Acknowledgement, Alert, AlertState, AlertType, Severity, Silence
from edge_agent.wire.answers import Action, AnomalyType
from edge_agent.wire.faults import FAULTS, Whose, done_by, fault_of, spellings
from edge_agent.wire.metrics import ConnectorStatus
from edge_agent.wire.types import SITE

if TYPE_CHECKING:
    from edge_agent.core.judgement import Judgement

COOLED_C = HOT_C - 3.0
SOON = timedelta(minutes=30)
CALM = timedelta(minutes=30)
FLAPS = 2
NEVER_EXPLAINED_C = 70.0
"""So hot no cable may be, whatever the reason."""
TAMPER_CODES = done_by(Whose.VANDAL)
EMERGENCY_CODES = spellings({"EmergencyStop": FAULTS["EmergencyStop"]})


class Patience(NamedTuple):
    """So many samples in a row, over so many seconds, must show a sign before it is told."""

    samples: int = 1
    seconds: float = 0.0


AT_ONCE = Patience()
FAR_OFF = Patience(samples=2)


class Sign(NamedTuple):
    """That a problem shows in a reading, in a technician's words. patience: its own, or its rule's."""

    severity: Severity
    message: str
    anomaly_type: AnomalyType | None = None
    patience: Patience | None = None


class Rule(NamedTuple):
    """When a type is raised and cleared: after how many samples with its sign, and without."""

    type: AlertType
    sign: Callable[[Judgement, Watch], Sign | None]
    """Given the judgement and what was watched so far: some signs have hysteresis."""
    patience: Patience = AT_ONCE
    clear_samples: int = 1


@dataclass(frozen=True, slots=True)
class Watch:
    """What is known of one type at one EVSE: samples in a row that agree, and the alert if there is one.

    absent, gone_at: how many samples, and since when, an open alert is without its sign.
    over_at: when the alert before was over. returns: how often it came back soon after it was over, in a row.
    """

    signs: int = 0
    since: datetime | None = None
    absent: int = 0
    alert: Alert | None = None
    gone_at: datetime | None = None
    over_at: datetime | None = None
    returns: int = 0


def _faulted(judged: Judgement, _watch: Watch) -> Sign | None:
    if judged.charger.heard_status is not ConnectorStatus.FAULTY:  # silence mends nothing
        return None
    codes = ", ".join(judged.charger.errors) or "no code given"
    message = f"Out of order: it reports a fault ({codes}). Nobody can charge here."
    return Sign(Severity.CRITICAL, " ".join([message, *checks_of(judged.charger.errors)]))


def _offline(judged: Judgement, _watch: Watch) -> Sign | None:
    charger = judged.charger
    told = charger.heard_status is ConnectorStatus.OFFLINE
    # What is found silent is the whole charger: one alert, the cabinet's.
    if charger.status is not ConnectorStatus.OFFLINE or not (told or charger.connector_id == 0):
        return None
    if charger.silent_with_site:  # one fact of the site is one alert, the site's
        return None
    return Sign(Severity.CRITICAL, "Nothing is heard from it. Check its power supply and network.")


def _hot(judged: Judgement, watch: Watch) -> Sign | None:
    """The type follows the limits; the severity follows what place, power and ambient leave unexplained."""
    hot = judged.charger.now.temperature
    if hot is None or hot < (COOLED_C if watch.alert else HOT_C):
        return None
    excess = judged.deviation.get("temperature")
    explained = excess is not None and excess < OUTLIER_Z and hot < NEVER_EXPLAINED_C
    what = f"{hot:.0f} °C (limit {HOT_C:.0f} °C)"
    if explained:
        what = f"{what}, as hot as load and surroundings make it"
    if hot >= CRITICAL_C:
        severity = Severity.WARNING if explained else Severity.CRITICAL
        message = f"Dangerously hot: {what}. Inspect contacts, fan and filter; stop charging."
        return Sign(severity, message, AnomalyType.OVER_TEMPERATURE_CRITICAL)
    severity = Severity.INFO if explained else Severity.WARNING
    return Sign(severity, f"Too hot: {what}. Inspect contacts, fan and filter.", AnomalyType.OVER_TEMPERATURE)


def _odd(judged: Judgement, watch: Watch) -> Sign | None:
    odd, baselines = judged.anomaly.type, judged.charger.baselines
    if baselines.settled is not None and baselines.settled[1] == judged.at:
        what = baselines.settled[0].replace("_", " ")
        return Sign(Severity.INFO, f"Its {what} stays where it went: that is its normal now.", odd, AT_ONCE)
    if baselines.serving.drops_recur:
        message = "It says that it charges, but no power flows, with one vehicle after another."
        return Sign(Severity.WARNING, message, AnomalyType.POWER_DROP_DURING_CHARGING, AT_ONCE)
    codes = [code for code in judged.charger.errors if code not in EMERGENCY_CODES | TAMPER_CODES]
    if odd is AnomalyType.ERROR_CODE_PRESENT and codes:
        patience = AT_ONCE if _recurs(judged) else LASTING
        what = " ".join(checks_of(codes)) or "Read its log."
        message = f"It reports {', '.join(codes)} and still works. {what}"
        return Sign(gravest(codes), message, odd, patience)
    if baselines.young or odd in OUT_OF_SERVICE:
        return None
    # Codes have their own conditions, above.
    telling = (each for each in judged.deviation.items() if each[0] != "error_count")
    name, z = max(telling, key=lambda each: abs(each[1]), default=("", 0.0))
    if abs(z) < NOTABLE_Z:
        drifting = baselines.drifting if watch.alert is not None else None
        what = f"{(drifting or '').replace('_', ' ')} has slowly left it"
        return (
            Sign(Severity.WARNING, f"Unlike its own normal: {what}.", watch.alert.anomaly_type)
            if drifting and watch.alert
            else None
        )
    what = f"{name.replace('_', ' ')} is {abs(z):.0f} standard deviations {'above' if z > 0 else 'below'}"
    return Sign(
        Severity.WARNING, f"Unlike its own normal: {what}.", odd, FAR_OFF if abs(z) >= FAR_Z else None
    )


NOTABLE_Z = HALVING_Z
FAR_Z = 14.0
"""Scores 80."""
OUT_OF_SERVICE = (AnomalyType.STATUS_FAULT,)
CODES_A_DAY = 1.9
LASTING = Patience(3, 7200.0)


def checks_of(codes: Sequence[str]) -> list[str]:
    """Return what the vocabulary says to check, for the first of the codes that it knows."""
    return [fault.check for code in codes if (fault := fault_of(code)) is not None][:1]


def gravest(codes: Sequence[str]) -> Severity:
    """Return the severity of the gravest code; one that nobody knows is a warning."""
    found = {Severity.WARNING if (fault := fault_of(code)) is None else fault.severity for code in codes}
    return next(each for each in (Severity.CRITICAL, Severity.WARNING, Severity.INFO) if each in found)


def _recurs(judged: Judgement) -> bool:
    """A code that comes once and goes is no news; one that comes again and again is."""
    return judged.charger.trouble.codes.at(judged.at)[0] >= CODES_A_DAY


def _failing(judged: Judgement, _watch: Watch) -> Sign | None:
    failure = judged.failure
    if not (judged.models.failure.calibrated and failure.required) or failure.action is Action.WITHIN_30_DAYS:
        return None
    if judged.charger.status in (ConnectorStatus.FAULTY, ConnectorStatus.OFFLINE):
        return None  # it has failed already: another alert says so
    urgent = failure.action is Action.IMMEDIATE
    soon = "within days" if urgent else "within a week or so"
    return Sign(
        Severity.CRITICAL if urgent else Severity.WARNING,
        f"Likely to fail {soon}: {failure.probability:.0%} within 30 days. See what to check.",
    )


def _coded(codes: frozenset[str], message: str) -> Callable[[Judgement, Watch], Sign | None]:
    def sign(judged: Judgement, _watch: Watch) -> Sign | None:
        return Sign(Severity.CRITICAL, message) if codes.intersection(judged.charger.errors) else None

    return sign


RULES = (
    Rule(AlertType.CHARGER_FAULTED, _faulted),
    Rule(AlertType.CHARGER_OFFLINE, _offline),
    Rule(AlertType.OVER_TEMPERATURE, _hot, clear_samples=3),
    Rule(AlertType.ANOMALY, _odd, patience=Patience(3, 60.0), clear_samples=5),
    Rule(AlertType.FAILURE_PREDICTED, _failing, patience=Patience(3, 60.0), clear_samples=30),
    Rule(
        AlertType.EMERGENCY_STOP,
        _coded(EMERGENCY_CODES, "Emergency stop is pressed. Look why, then release it."),
    ),
    Rule(
        AlertType.TAMPER,
        _coded(TAMPER_CODES, "The cable is cut or was forced. Keep people away and go there."),
    ),
)


NO_WATCH = Watch()
NEVER_QUIET = frozenset({AlertType.TAMPER, AlertType.EMERGENCY_STOP})
"""Of people's safety: raised whoever works there."""


def advance_all(
    watches: Mapping[AlertType, Watch],
    judged: Judgement,
    numbering: tuple[str, int],
    *,
    under_work: bool = False,
) -> tuple[Mapping[AlertType, Watch], tuple[Alert, ...]]:
    """Return an EVSE's watches after a reading, the same mapping where nothing changed, and the news.

    numbering: the epoch, and the last number that was given in the stream of alerts.
    under_work: somebody works at it: nothing is raised that his work would cause.
    """
    if judged.is_calm and not watches:
        return watches, ()
    epoch, seq = numbering
    after: dict[AlertType, Watch] | None = None
    news: tuple[Alert, ...] = ()
    for rule in RULES:
        watch = watches.get(rule.type, NO_WATCH)
        sign = rule.sign(judged, watch)
        if watch.alert is None and under_work and rule.type not in NEVER_QUIET:
            sign = None
        if sign is None and watch is NO_WATCH:
            continue
        moved, alert = advance(watch, rule, sign, judged, epoch)
        if moved is watch:
            continue
        if alert is not None:
            alert = alert.model_copy(update={"seq": seq + len(news) + 1})
            news = (*news, alert)
            if moved is not None and moved.alert is not None:
                moved = replace(moved, alert=alert)
        after = dict(watches) if after is None else after
        if moved is None:
            after.pop(rule.type, None)
        else:
            after[rule.type] = moved
    return (watches if after is None else after), news


def advance(
    watch: Watch, rule: Rule, sign: Sign | None, judged: Judgement, epoch: str
) -> tuple[Watch | None, Alert | None]:
    """Return the watch after a reading (None: nothing left to watch) and the alert if there is news of it."""
    at = judged.at
    if sign is None:
        return _without_sign(watch, rule, at)
    since = watch.since or at
    signs = watch.signs + 1
    if watch.alert is not None:
        return _still(watch, sign, at)
    patience = sign.patience or rule.patience
    enough = signs >= patience.samples and (at - since).total_seconds() >= patience.seconds
    if not enough:
        return replace(watch, signs=signs, since=since), None
    alert = _raised(rule.type, sign, judged, epoch)
    soon = watch.over_at is not None and since - watch.over_at < SOON
    return Watch(signs=signs, since=since, alert=alert, returns=watch.returns + 1 if soon else 0), alert


def site_offline(
    watch: Watch | None, silent: Collection[str], at: datetime, numbering: tuple[str, int]
) -> tuple[Watch | None, Alert | None]:
    """Return the site's own watch after a look, and the news of it.

    silent: the chargers that are silent by one cause; none: it is over.
    numbering: the epoch, and the news' number.
    """
    epoch, seq = numbering
    alert = None if watch is None else watch.alert
    if not silent:
        if alert is None:
            return None, None
        over = {"state": AlertState.CLEARED, "updated_at": at, "cleared_at": at, "seq": seq}
        return None, alert.model_copy(update=over)
    names = ", ".join(sorted(silent)[:MOST_NAMED]) + (", …" if len(silent) > MOST_NAMED else "")
    what = f"{len(silent)} chargers fell silent together ({names})"
    message = f"{what}. Check the site's power and network first."
    if alert is not None:
        if len(silent) <= len(alert.evidence.get("silent", ())):
            return watch, None
        more = {"message": message, "updated_at": at, "seq": seq, "evidence": {"silent": sorted(silent)}}
        changed = alert.model_copy(update=more)
        return Watch(signs=1, since=at, alert=changed), changed
    raised = Alert(
        alert_id=str(hashed_uuid(epoch, SITE.charger_id, "0", AlertType.SITE_OFFLINE, at.isoformat())),
        charger_id=SITE.charger_id,
        connector_id=SITE.connector_id,
        alert_type=AlertType.SITE_OFFLINE,
        severity=Severity.CRITICAL,
        state=AlertState.OPEN,
        raised_at=at,
        updated_at=at,
        message=message,
        evidence={"silent": sorted(silent)},
        seq=seq,
    )
    return Watch(signs=1, since=at, alert=raised), raised


MOST_NAMED = 5


def answered(
    watch: Watch, told: Acknowledgement | Silence, at: datetime, seq: int
) -> tuple[Watch, Alert | None]:
    """Return the watch with its alert acknowledged or silenced; no alert where that one is not open.

    seq: the number that the news gets in the stream of alerts.
    """
    alert = watch.alert
    if alert is None or alert.alert_id != told.alert_id:
        return watch, None
    changes: dict[str, object] = {"updated_at": at, "seq": seq}
    if isinstance(told, Silence):
        changes["silenced_until"] = told.until
    else:
        changes |= {"state": AlertState.ACKNOWLEDGED, "acknowledged_by": told.by}
    if told.note is not None:
        changes["note"] = told.note
    changed = alert.model_copy(update=changes)
    return replace(watch, alert=changed), changed


def _without_sign(watch: Watch, rule: Rule, at: datetime) -> tuple[Watch | None, Alert | None]:
    if watch.alert is None:
        if watch.over_at is None or at - watch.over_at >= SOON:
            return None, None
        return (replace(watch, signs=0, since=None) if watch.signs else watch), None
    absent, gone_at = watch.absent + 1, watch.gone_at or at
    flaps = watch.returns >= FLAPS and rule.type not in NEVER_QUIET
    if absent < rule.clear_samples or (flaps and at - gone_at < CALM):
        return replace(watch, absent=absent, gone_at=gone_at), None
    over = {"state": AlertState.CLEARED, "updated_at": at, "cleared_at": at}
    return Watch(over_at=at, returns=watch.returns), watch.alert.model_copy(update=over)


def _still(watch: Watch, sign: Sign, at: datetime) -> tuple[Watch, Alert | None]:
    """Count one more sign; it is news only where severity or type changed."""
    alert = watch.alert
    assert alert is not None  # noqa: S101 - narrows the type; the caller has looked
    counted = {"count": alert.count + 1, "updated_at": at}
    if (sign.severity, sign.anomaly_type) == (alert.severity, alert.anomaly_type):
        return replace(watch, absent=0, gone_at=None, alert=alert.model_copy(update=counted)), None
    told = {"severity": sign.severity, "message": sign.message, "anomaly_type": sign.anomaly_type}
    changed = alert.model_copy(update=counted | told)
    return replace(watch, absent=0, gone_at=None, alert=changed), changed


def _raised(kind: AlertType, sign: Sign, judged: Judgement, epoch: str) -> Alert:
    charger, at = judged.charger, judged.at
    place = (charger.charger_id, str(charger.connector_id))
    return Alert(
        alert_id=str(hashed_uuid(epoch, *place, kind, at.isoformat())),
        charger_id=charger.charger_id,
        connector_id=charger.connector_id,
        alert_type=kind,
        anomaly_type=sign.anomaly_type,
        severity=sign.severity,
        state=AlertState.OPEN,
        raised_at=at,
        updated_at=at,
        message=sign.message,
        evidence=judged.evidence(),
    )
