"""How far a new release of the models has come: kept beside the releases, told by `GET /api/v1/models`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from edge_agent.wire.types import Message

Count = Annotated[int, Field(ge=0)]
Release = Annotated[int, Field(ge=0, description="Number of a pair of models; a newer one is higher.")]


class Phase(StrEnum):
    """SETTLED: one release judges. SHADOW: a newer is asked beside it. PROBATION: the newer judges."""

    SETTLED = "SETTLED"
    SHADOW = "SHADOW"
    PROBATION = "PROBATION"


class Side(Message):
    """What one of two releases did with the live rows.

    alarms: rows that asked for action. odd: samples that it held for odd. faults: rows at which it failed.
    seconds: that it took.
    """

    alarms: Count = 0
    odd: Count = 0
    seconds: Annotated[float, Field(ge=0)] = 0.0
    faults: Count = 0


class Comparison(Message):
    """Two releases on the same live rows. hours: of comparing. rows, samples: asked of the two models."""

    hours: Annotated[float, Field(ge=0)] = 0.0
    rows: Count = 0
    samples: Count = 0
    new: Side = Side()
    old: Side = Side()


class Rollout(Message):
    """Which release judges, which is being tried, and which were refused with what reason.

    previous: what to go back to. highest: that was ever here; nothing at or below it is taken again.
    """

    judging: Release
    previous: Release | None = None
    candidate: Release | None = None
    compared: Comparison | None = None
    refused: dict[Release, str] = Field(default_factory=dict)
    highest: Release

    @property
    def phase(self) -> Phase:
        """Where it stands."""
        if self.candidate is not None:
            return Phase.SHADOW
        return Phase.SETTLED if self.compared is None else Phase.PROBATION
