"""The life of an alert. One physical problem is one alert, not a message a reading.

    state         sign present        sign absent          acknowledged
    (none)        OPEN, after enough  (none)               -
    OPEN          OPEN, counted       CLEARED, if it stays ACKNOWLEDGED
    ACKNOWLEDGED  counted             CLEARED, if it stays ACKNOWLEDGED
    CLEARED       a new alert          remembered for SOON  -

A problem that comes back SOON after it was over, time after time, flaps: from the FLAPS-th return on, its
alert stays until the sign was gone for CALM, however often it comes and goes meanwhile. What endangers people
is told each time.

Signs, and how many must agree, are in `core/signs.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from edge_agent.core.identity import hashed_uuid
from edge_agent.core.signs import NO_WATCH, RULES, Rule, Sign, Watch
from edge_agent.wire.alert import Acknowledgement, Alert, AlertState, AlertType, Silence

if TYPE_CHECKING:
    from edge_agent.core.judgement import Judgement

SOON = timedelta(minutes=30)
CALM = timedelta(minutes=30)
FLAPS = 2
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
    moved: dict[AlertType, Watch | None] = {}
    news: list[Alert] = []
    for rule in RULES:
        watch = watches.get(rule.type, NO_WATCH)
        sign = rule.sign(judged, watch)
        if watch.alert is None and under_work and rule.type not in NEVER_QUIET:
            sign = None
        if sign is None and watch is NO_WATCH:
            continue
        after, alert = advance(watch, rule, sign, judged, epoch)
        if alert is not None:
            news.append(alert.model_copy(update={"seq": seq + len(news) + 1}))
            if after is not None and after.alert is not None:
                after = replace(after, alert=news[-1])
        if after is not watch:
            moved[rule.type] = after
    if not moved:
        return watches, ()
    there = {kind: watch for kind, watch in {**watches, **moved}.items() if watch is not None}
    return there, tuple(news)


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
