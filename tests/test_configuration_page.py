"""docs/configuration.md against the code: each key stands there once, with its default."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_origin

from edge_agent.config import NAMED_SECTIONS, Config, Section

PAGE = Path(__file__).parents[1] / "docs" / "configuration.md"
ROW = re.compile(r"^\| `([a-zA-Z_.]+)`( ↻)? \| (?:`(.*)`)? ?\|", re.MULTILINE)
NAMES = {"chargers": "ID", "parts": "MODE", "mapped": "NAME", "fields": "FIELD"}
"""What stands on the page for the names that there may be."""
THIS_PROGRAM = {"models.dir"}
"""Keys whose default depends on where the program is installed."""


def _keys(section: type[Section], where: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for name, field in section.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, Section):
            found |= _keys(inner, f"{where}{name}.")
        elif get_origin(inner) is dict and name in NAMED_SECTIONS:
            found |= _keys(NAMED_SECTIONS[name], f"{where}{name}.{NAMES[name]}.")
        else:
            default = None if field.is_required() else field.default
            found[f"{where}{name}"] = _shown(default)
    return found


def _shown(default: object) -> str:
    if default is None:
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, (tuple, dict)):
        return json.dumps(default)
    return f"{default:g}" if isinstance(default, float) else str(default)


def test_the_page_lists_every_key_with_its_default_and_no_other() -> None:
    told = {key: default for key, _, default in ROW.findall(PAGE.read_text())}
    known = _keys(Config)
    assert told.keys() == known.keys()
    for key in known.keys() - THIS_PROGRAM:
        assert told[key] == known[key], key


def _live(section: type[Section], where: str = "", *, whole: bool = False) -> set[str]:
    found: set[str] = set()
    for name, field in section.model_fields.items():
        inner, is_live = field.annotation, whole or section.is_live(name)
        if isinstance(inner, type) and issubclass(inner, Section):
            found |= _live(inner, f"{where}{name}.")
        elif get_origin(inner) is dict and name in NAMED_SECTIONS:
            found |= _live(NAMED_SECTIONS[name], f"{where}{name}.{NAMES[name]}.", whole=is_live)
        elif is_live:
            found.add(f"{where}{name}")
    return found


def test_the_page_marks_the_keys_that_a_reload_applies_and_no_other() -> None:
    assert {key for key, mark, _ in ROW.findall(PAGE.read_text()) if mark} == _live(Config)
