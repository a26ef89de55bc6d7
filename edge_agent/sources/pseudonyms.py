"""Other names, the same for the same: a recording names no charger, site, person or vehicle."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from pydantic_core import from_json

from edge_agent.sources.people import JSON_BEGINS, MOST_DEPTH, names_people

SITE = "evzone/v1/site"
_SERIALS = (
    "serialnumber",
    "serial",
    "iccid",
    "imsi",
    "meterid",
    "deviceid",
    "hostname",
    "ip",
    "ipaddress",
    "ssid",
)
_PLACES = "://"
"""What has this is an address, often with a password in it."""
MOST_TEXT = 64
"""A payload that is no JSON is kept where it is a word; longer ones could say anything."""


class Pseudonyms:
    """Gives other names, by a key that is thrown away with it."""

    def __init__(self, key: bytes, prefix: str) -> None:
        """prefix: of the contract's topics; it names the site."""
        self._key = key
        self._prefix = prefix

    def of(self, sort: str, name: str) -> str:
        """Return the other name of a name, such as `charger-3f9a01c2`."""
        return f"{sort}-{hmac.digest(self._key, name.encode(errors='replace'), hashlib.sha256).hex()[:8]}"

    def topic(self, topic: str, charger_id: str | None) -> str:
        """Return a topic without the site's name and the charger's."""
        rest = topic.removeprefix(f"{self._prefix}/")
        levels = [self._text(level, charger_id) for level in rest.split("/")]
        return "/".join(levels if rest == topic else [SITE, *levels])

    def payload(self, payload: bytes, charger_id: str | None) -> Any:  # noqa: ANN401 - any JSON value
        """Return a payload without what identifies anybody: a JSON value, or text."""
        try:
            return self._value(from_json(payload), charger_id, MOST_DEPTH)
        except ValueError:
            text = payload.decode(errors="replace")
            known = len(text) <= MOST_TEXT and not text.lstrip().startswith(JSON_BEGINS)
            return self._text(text, charger_id) if known else self.of("text", text)

    def _value(self, value: Any, charger_id: str | None, depth: int) -> Any:  # noqa: ANN401 - a JSON value
        if depth == 0:
            reason = "too deep"
            raise ValueError(reason)
        if isinstance(value, dict):
            return {name: self._member(name, part, charger_id, depth) for name, part in value.items()}
        if isinstance(value, list):
            return [self._value(part, charger_id, depth - 1) for part in value]
        if not isinstance(value, str):
            return value
        if value.lstrip()[:1] in JSON_BEGINS:
            return self._frame(value, charger_id, depth)
        return self._text(value, charger_id)

    def _member(self, name: str, value: Any, charger_id: str | None, depth: int) -> Any:  # noqa: ANN401 - as above
        plain = "".join(character for character in name.lower() if character.isalnum())
        sort = "person" if names_people(name) else "serial" if plain.endswith(_SERIALS) else None
        if sort is not None and isinstance(value, str | int) and not isinstance(value, bool):
            return self.of(sort, str(value))
        if sort == "person" and isinstance(value, dict):  # an idToken of 2.x: its type tells nothing
            return {
                part: self.of(sort, str(inner)) if part.lower() in {"idtoken", "value"} else inner
                for part, inner in value.items()
                if isinstance(inner, str)
            }
        return self._value(value, charger_id, depth - 1)

    def _frame(self, text: str, charger_id: str | None, depth: int) -> Any:  # noqa: ANN401 - as above
        """A text that is JSON itself: a frame inside an envelope. It is given as what it is."""
        try:
            return self._value(from_json(text), charger_id, depth - 1)
        except ValueError:
            return self.of("text", text)

    def _text(self, text: str, charger_id: str | None) -> str:
        if charger_id is not None and text == charger_id:
            return self.of("charger", text)
        return self.of("address", text) if _PLACES in text else text
