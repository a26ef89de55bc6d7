"""What support needs to see of a gateway, in one file that holds no secret and nobody's name.

Three nets, each for what slips through the one before: what people wrote or are called by is left out by its
place (`site_files`, `settings`); members of JSON that are named for people are masked; and in every text what
looks like a key, a vehicle or a person is removed, with whatever the configuration hides (`archive`).
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_origin
from urllib.parse import urlsplit
from zipfile import ZIP_DEFLATED, ZipFile

from pydantic import BaseModel
from pydantic_core import from_json, to_json, to_jsonable_python

from edge_agent.config import LOOPBACK, Section
from edge_agent.sources.people import MASK, without_people
from edge_agent.wire.alert import Alert, AlertState
from edge_agent.wire.answers import SuggestionState
from edge_agent.wire.history import AlertQuery, DeedList
from edge_agent.wire.rest import AlertList, ChargerList, MaintenanceList, ModelList

if TYPE_CHECKING:
    from edge_agent.ports import Records
    from edge_agent.wire.answers import MaintenanceAnswer
    from edge_agent.wire.rest import ChargerSummary, ModelEntry

Told = BaseModel | Mapping[str, Any] | str
MOST_ALERTS = 500
SHORTEST_HIDDEN = 4
"""What is shorter stands in many a word."""
HIDDEN = "(set)"
SHOWN = frozenset({"site_id", "gateway_id", "time_zone", "currency", "technician_days", "unit"})
"""Settings whose text tells of no host, person or secret."""
TYPED = tuple(f"{state.title()}: " for state in SuggestionState)
"""How a reason begins in a suggestion that somebody gave."""
LOOKS = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        r"-----BEGIN [A-Z ]+-----(?s:.)*?-----END [A-Z ]+-----",
        r"(?i)(?P<kept>\bauthorization\b[\\\"']*[:= ]+[\\\"']*(?:\w+ +)?)[\w+/=.~-]{6,}",
        r"(?P<kept>\b(?i:bearer|basic) +)(?=[a-z_+/.~-]*[A-Z0-9=])[\w+/=.~-]{6,}",
        r"(?<=://)[^/\s\"@]+(?=@)",
        r"\bevz(?:gw)?_[\w-]{16,}",
        r"[A-Za-z0-9+/=_-]{80,}",
        # MAC and EVCCID, with separators and without; the end of a UUID is neither.
        r"\b[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5,7}\b",
        r"(?<![\w-])[0-9A-Fa-f]{12}(?![\w-])",
        # VIN (ISO 3779) and eMAID (ISO 15118-2, annex H).
        r"(?<!\w)(?=\w*\d)(?=\w*[A-Z])[A-HJ-NPR-Z0-9]{17}(?!\w)",
        r"(?i)(?<!\w)(?=[\w-]*\d)[A-Z]{2}-?[A-Z0-9]{3}-?C[A-Z0-9]{8}(?:-?[A-Z0-9])?(?!\w)",
    )
)


def site_files(
    records: Records,
    chargers: Iterable[ChargerSummary],
    suggestions: Iterable[MaintenanceAnswer],
    models: list[ModelEntry],
) -> dict[str, BaseModel]:
    """Return what is known of the site, by file, without what people wrote or are called by.

    Raises: StoreError.
    """
    over = AlertQuery(state=AlertState.CLEARED, limit=MOST_ALERTS)
    report = records.uptime(None)
    return {
        "models": ModelList(models=models, total=len(models)),
        "chargers": ChargerList(items=[_nameless_charger(each) for each in chargers]),
        "alerts": AlertList(items=_nameless(records.found_alerts(AlertQuery(limit=MOST_ALERTS)))),
        "past_alerts": AlertList(items=_nameless(records.found_alerts(over))),
        "maintenance": MaintenanceList(items=[_reasonless(each) for each in suggestions]),
        "uptime": report.model_copy(
            update={"items": [each.model_copy(update={"label": None}) for each in report.items]}
        ),
        "sync": records.sync(),
        "quarantine": records.set_aside(),
        "audit": DeedList(
            items=[each.model_copy(update={"by": None, "note": None}) for each in records.audit().items]
        ),
    }


def _nameless(alerts: Iterable[Alert]) -> list[Alert]:
    return [_nameless_alert(each) for each in alerts]


def _nameless_alert(alert: Alert) -> Alert:
    reading = {name: value for name, value in alert.evidence.get("reading", {}).items() if name != "metadata"}
    evidence = {**alert.evidence, "reading": reading}
    return alert.model_copy(update={"acknowledged_by": None, "note": None, "evidence": evidence})


def _nameless_charger(charger: ChargerSummary) -> ChargerSummary:
    return charger.model_copy(update={"label": None, "open_alerts": _nameless(charger.open_alerts)})


def _reasonless(suggestion: MaintenanceAnswer) -> MaintenanceAnswer:
    told = [each for each in suggestion.rationale if not each.startswith(TYPED)]
    return suggestion.model_copy(update={"rationale": told})


def settings(section: Section, hidden: set[str]) -> dict[str, Any]:
    """Return settings as JSON: numbers, choices and defaults as they are, and of a text only that it is set.

    hidden: gets the texts that are not shown, to be looked for in all that goes into the bundle.
    """
    told = {}
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        public = name in SHOWN or value == field.default or get_origin(field.annotation) is Literal
        told[name] = to_jsonable_python(value) if public else _setting(value, hidden)
    return told


def _setting(value: object, hidden: set[str]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, Section):
        return settings(value, hidden)
    if isinstance(value, Mapping):
        return {str(key): _setting(each, hidden) for key, each in value.items()}
    if isinstance(value, tuple):
        return [_setting(each, hidden) for each in value]
    if isinstance(value, str | Path):
        hidden.update(_parts(str(value)))
        return HIDDEN
    return to_jsonable_python(value)


def _parts(text: str) -> set[str]:
    """Return a text and, of an address, what other texts may name of it; not what means any machine."""
    place = urlsplit(text)
    found = {text, place.hostname or "", place.username or "", place.password or ""}
    return {each for each in found if len(each) >= SHORTEST_HIDDEN} - LOOPBACK


def archive(files: Mapping[str, Told], hidden: Collection[str] = ()) -> bytes:
    """Return a ZIP file of JSON and text, without anything that looks like a secret or a person.

    files: by name without its ending. hidden: texts that must not be in it.
    """
    held = io.BytesIO()
    with ZipFile(held, "w", ZIP_DEFLATED) as zipped:
        for name, told in files.items():
            if isinstance(told, str):
                text = "\n".join(_without_people(line) for line in told.splitlines()) + "\n"
                zipped.writestr(f"{name}.txt", scrubbed(text, hidden))
            else:
                text = json.dumps(from_json(without_people(to_json(told))), indent=1, ensure_ascii=False)
                zipped.writestr(f"{name}.json", scrubbed(text, hidden))
    return held.getvalue()


def _without_people(line: str) -> str:
    """Mask what is named for people in the JSON that a line of a log ends with."""
    head, brace, tail = line.partition("{")
    try:
        from_json(brace + tail)
    except ValueError:
        return line
    return head + without_people((brace + tail).encode()).decode()


def scrubbed(text: str, hidden: Collection[str] = ()) -> str:
    """Return a text without what looks like a key, a certificate, a vehicle or a person, or is hidden."""
    for pattern in LOOKS:
        text = pattern.sub(lambda found: found.groupdict().get("kept", "") + MASK, text)
    for each in sorted(hidden, key=len, reverse=True):
        text = text.replace(each, MASK)
    return text
