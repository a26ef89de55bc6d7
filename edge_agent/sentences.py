"""What a fault of the configuration is in a person's words: where, what to write instead, what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_core import ErrorDetails

SAYS = {
    "missing": "is required",
    "less_than_equal": "write {le} at most",
    "less_than": "write less than {lt}",
    "greater_than_equal": "write {ge} at least",
    "greater_than": "write more than {gt}",
    "int_parsing": "write a whole number",
    "int_type": "write a whole number",
    "int_from_float": "write a whole number",
    "float_parsing": "write a number",
    "float_type": "write a number",
    "finite_number": "write a number",
    "bool_parsing": "write true or false",
    "bool_type": "write true or false",
    "string_type": "write it in quotes",
    "string_too_short": "write something, or leave it out",
    "string_too_long": "write {max_length} characters at most",
    "literal_error": "write {expected}",
    "enum": "write {expected}",
    "path_type": "write the path of a file, in quotes",
    "model_type": "write it as a section of its own, [{where}]",
    "dict_type": "write it as a section of its own, [{where}]",
    "tuple_type": "write a list, such as [...]",
    "too_short": "write {min_length} of them at least",
}
"""By pydantic's name for what is wrong."""
EXAMPLES = {
    "site_id": "site-001",
    "gateway_id": "gw-001",
    "prefix": "evzone/v1/site-001",
    "currency": "EUR",
    "upstream_url": "wss://csms.example/ocpp",
    "url": "https://central.example",
    "at": "/payload/power",
}
"""Of what has to look in a certain way; anything else that has to is a topic."""
A_TOPIC = "meters/CP1"


def sentences(faults: Iterable[ErrorDetails]) -> list[str]:
    """Return a sentence for each fault; a list that is short of items only for their faults is none."""
    found = list(faults)
    inner = {fault["loc"][:-1] for fault in found}
    return [_sentence(each) for each in found if not (each["type"] == "too_short" and each["loc"] in inner)]


def _sentence(fault: ErrorDetails) -> str:
    where, kind, there = ".".join(map(str, fault["loc"])), fault["type"], fault["input"]
    if kind == "string_pattern_mismatch":
        key = next((part for part in reversed(fault["loc"]) if isinstance(part, str)), "")
        told = f"write it like {EXAMPLES.get(key, A_TOPIC)!r}"
    elif kind in SAYS:
        told = SAYS[kind].format(where=where, **fault.get("ctx", {}))
    else:
        told = fault["msg"].removeprefix("Value error, ")
    # A whole section is no help, and what is missing is not there.
    return f"{where}: {told}" if isinstance(there, dict) else f"{where}: {told} (it is {there!r})"
