"""Chargers in paths."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import quote

from edge_agent.adapters.web.problems import Refused

Found = TypeVar("Found")


def charger_id_of(path: Mapping[str, str]) -> str:
    """Return the id that a path names: its odd characters are kept percent-encoded, and come decoded."""
    return quote(path["charger_id"], safe=":%").replace("~", "%7E")


def known(found: Found | None, charger_id: str) -> Found:
    """Return what was found of a charger. Raises Refused (404) where that is nothing."""
    if found is None:
        raise Refused(
            HTTPStatus.NOT_FOUND,
            f"Nothing is known of charger {charger_id}. Check its id against GET /api/v1/chargers.",
        )
    return found
