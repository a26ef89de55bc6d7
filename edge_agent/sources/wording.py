"""How what came is put into words: bounded, on one line, never at length."""

from __future__ import annotations

import re

from pydantic import ValidationError

MAX_REASON = 300
MAX_SHOWN = 40
_WORD = re.compile(r"[A-Za-z0-9%°][A-Za-z0-9 ._%°/:-]{0,39}")
_LONGEST_INTEGER_BITS = 64


def shown(value: object) -> str:
    """Return a value as a technician may see it: scalars cut at MAX_SHOWN, the rest by its sort only."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            huge = isinstance(value, int) and value.bit_length() > _LONGEST_INTEGER_BITS
            return "a huge number" if huge else repr(value)
        case str():
            return repr(value) if len(value) <= MAX_SHOWN else f"{value[:MAX_SHOWN]!r}…"
        case _:
            return "an array" if isinstance(value, list) else "an object"


def kind(what: str, name: object) -> str:
    """Return the name under which an ignored thing is counted: "unit Hz".

    A name that does not look like a word of a protocol is not repeated: kinds stay few and harmless.
    """
    if isinstance(name, str) and _WORD.fullmatch(name):
        return f"{what} {name}"
    return f"{what} unreadable"


def clipped(reason: str) -> str:
    """Return the reason at MAX_REASON characters or fewer."""
    return reason if len(reason) <= MAX_REASON else reason[: MAX_REASON - 1] + "…"


def not_json(complaint: object) -> str:
    """Return the reason for text that is no JSON; the parser's complaint names a place, not the content."""
    return clipped(f"not valid JSON: {complaint}")


def fault_in(error: ValidationError) -> str:
    """Return the first thing wrong, as field, what came, what is expected."""
    faults = error.errors(include_url=False, include_context=False)
    first = faults[0]
    expected = first["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
    if first["type"] == "json_invalid":
        return not_json(first["msg"].removeprefix("Invalid JSON: "))
    field = ".".join(str(part) for part in first["loc"])[:MAX_SHOWN] or "the message"
    came = "nothing" if first["type"] == "missing" else shown(first["input"])
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return clipped(f"{field}: {came} came; {expected[:1].lower()}{expected[1:]}{more}")
