"""The fault vocabulary: what a code means, whatever protocol tells it. The words are in `faults.toml`."""

from __future__ import annotations

import tomllib
from enum import StrEnum
from importlib.resources import files
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from edge_agent.errors import ConfigError
from edge_agent.wire.alert import Severity
from edge_agent.wire.answers import FailureMode

TABLE = "faults.toml"


class Whose(StrEnum):
    """Whose doing a fault is."""

    CHARGER = "charger"
    VEHICLE = "vehicle"
    USER = "user"
    GRID = "grid"
    NETWORK = "network"
    BACK_OFFICE = "back_office"
    VANDAL = "vandal"


class Fault(BaseModel):
    """One code. also: other names of the same. Elsewhere see the head of the table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    severity: Severity
    whose: Whose
    check: Annotated[str, Field(min_length=1, max_length=300)]
    part: FailureMode | None = None
    also: tuple[Annotated[str, Field(min_length=1, max_length=128)], ...] = ()


def read(text: str) -> dict[str, Fault]:
    """Return the faults of a table by name. Raises ValueError, which names the slip."""
    faults = TypeAdapter(dict[str, Fault]).validate_python(tomllib.loads(text))
    seen: set[str] = set()
    for name, fault in faults.items():
        for each in (name, *fault.also):
            if each in seen:
                raise ValueError(f"{each} stands there twice")
            seen.add(each)
    return faults


def _installed() -> dict[str, Fault]:
    """Return the table that comes with the program. Raises ConfigError for each slip of a correction."""
    table = files(__package__) / TABLE
    try:
        return read(table.read_text(encoding="utf-8"))
    except ValidationError as error:
        slips = error.errors(include_url=False, include_context=False)
        raise ConfigError([f"{table}: {'.'.join(map(str, s['loc']))}: {s['msg']}" for s in slips]) from None
    except (OSError, ValueError) as error:  # tomllib's is among them
        raise ConfigError([f"{table}: {error}"]) from None


FAULTS = _installed()
"""By the name that the contract has."""
NAMES = {each: name for name, fault in FAULTS.items() for each in (name, *fault.also)}
"""Every spelling, and the name that the contract has for it."""


def fault_of(code: str) -> Fault | None:
    """Return what is known of a code, however it is spelled."""
    name = NAMES.get(code)
    return None if name is None else FAULTS[name]


def spellings(faults: dict[str, Fault]) -> frozenset[str]:
    """Return every spelling of these faults."""
    return frozenset(each for name, fault in faults.items() for each in (name, *fault.also))


def done_by(*whose: Whose) -> frozenset[str]:
    """Return every spelling of the faults that are these parties' doing."""
    return spellings({name: fault for name, fault in FAULTS.items() if fault.whose in whose})
