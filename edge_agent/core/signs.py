"""The signs of each problem in a reading, in a technician's words, and how many must agree.

RULES says for each type what its sign is, and how many samples and seconds must agree before it is raised and
before it is cleared. The life that follows is `core/alert.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.core.anomaly import CRITICAL_C, HALVING_Z, HOT_C
from edge_agent.core.baseline import OUTLIER_Z
from edge_agent.wire.alert import Alert, AlertType, Severity
from edge_agent.wire.answers import Action, AnomalyType
from edge_agent.wire.faults import FAULTS, Whose, done_by, fault_of, spellings
from edge_agent.wire.metrics import ConnectorStatus

if TYPE_CHECKING:
    from edge_agent.core.judgement import Judgement

COOLED_C = HOT_C - 3.0
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


NO_WATCH = Watch()


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
    gone = judged.charger.status in (ConnectorStatus.FAULTY, ConnectorStatus.OFFLINE)
    if gone or judged.charger.attempts.failing.enough:
        return None  # it has failed already: another alert says so
    urgent = failure.action is Action.IMMEDIATE
    soon = "within days" if urgent else "within a week or so"
    return Sign(
        Severity.CRITICAL if urgent else Severity.WARNING,
        f"Likely to fail {soon}: {failure.probability:.0%} within 30 days. See what to check.",
    )


def _unusable(judged: Judgement, _watch: Watch) -> Sign | None:
    failing = judged.charger.attempts.failing
    if not failing.enough or judged.charger.status in (ConnectorStatus.FAULTY, ConnectorStatus.OFFLINE):
        return None  # what is out of order is told as such
    since = "" if failing.since is None else f" since {failing.since:%Y-%m-%d %H:%M} UTC"
    message = (
        f"It starts sessions and gives no energy{since}. Try it with a vehicle that is known to be good."
    )
    return Sign(Severity.CRITICAL, message)


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
    Rule(AlertType.NO_GOOD_SESSIONS, _unusable),
    Rule(
        AlertType.EMERGENCY_STOP,
        _coded(EMERGENCY_CODES, "Emergency stop is pressed. Look why, then release it."),
    ),
    Rule(
        AlertType.TAMPER,
        _coded(TAMPER_CODES, "The cable is cut or was forced. Keep people away and go there."),
    ),
)
