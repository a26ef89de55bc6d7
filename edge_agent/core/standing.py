"""Problems that stand without any reading: of the site, the gateway, or what somebody promised."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from edge_agent.core.identity import hashed_uuid
from edge_agent.core.signs import NO_WATCH, Watch
from edge_agent.wire.alert import Alert, AlertState, AlertType, Severity
from edge_agent.wire.types import EvseId


class Standing(NamedTuple):
    """A problem that stands without any reading. patience_s: for so long it must before it is told."""

    severity: Severity
    message: str
    evidence: Mapping[str, object] = MappingProxyType({})
    patience_s: float = 0.0


def stood(
    place: tuple[EvseId, AlertType],
    watch: Watch | None,
    found: Standing | None,
    at: datetime,
    numbering: tuple[str, int],
) -> tuple[Watch | None, Alert | None]:
    """Return the watch of such a problem after a look, and the news of it; found None: it is over.

    numbering: the epoch, and the news' number.
    """
    watch = watch or NO_WATCH
    alert, since = watch.alert, watch.since or at
    if found is None:
        return None, None if alert is None else over(alert, at, numbering[1])
    if alert is not None:
        if (alert.severity, alert.message) == (found.severity, found.message):
            return watch, None
        told = {"severity": found.severity, "message": found.message, "evidence": dict(found.evidence)}
        changed = alert.model_copy(update={**told, "updated_at": at, "seq": numbering[1]})
        return replace(watch, alert=changed), changed
    if (at - since).total_seconds() < found.patience_s:
        return (watch if watch.since else replace(watch, since=since)), None
    raised = _raised(place, found, at, numbering)
    return Watch(signs=1, since=since, alert=raised), raised


def over(alert: Alert, at: datetime, seq: int) -> Alert:
    """Return an alert as it is once its problem is over. seq: of that news."""
    changes = {"state": AlertState.CLEARED, "updated_at": at, "cleared_at": at, "seq": seq}
    return alert.model_copy(update=changes)


def _raised(
    place: tuple[EvseId, AlertType], found: Standing, at: datetime, numbering: tuple[str, int]
) -> Alert:
    (evse, kind), (epoch, seq) = place, numbering
    return Alert(
        alert_id=str(hashed_uuid(epoch, evse.charger_id, str(evse.connector_id), kind, at.isoformat())),
        charger_id=evse.charger_id,
        connector_id=evse.connector_id,
        alert_type=kind,
        severity=found.severity,
        state=AlertState.OPEN,
        raised_at=at,
        updated_at=at,
        message=found.message,
        evidence=dict(found.evidence),
        seq=seq,
    )


def site_offline(watch: Watch | None, silent: Collection[str]) -> Standing | None:
    """Return what the silence of chargers by one cause is to the site; none of them: nothing.

    Where some of them speak again, it stays what it was until all do.
    """
    if not silent:
        return None
    alert = None if watch is None else watch.alert
    if alert is not None and len(silent) <= len(alert.evidence.get("silent", ())):
        return Standing(alert.severity, alert.message, alert.evidence)
    names = ", ".join(sorted(silent)[:MOST_NAMED]) + (", …" if len(silent) > MOST_NAMED else "")
    what = f"{len(silent)} chargers fell silent together ({names})"
    message = f"{what}. Check the site's power and network first."
    return Standing(Severity.CRITICAL, message, {"silent": sorted(silent)})


MOST_NAMED = 5
