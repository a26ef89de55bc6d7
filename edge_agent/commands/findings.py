"""What a look at something found, as a line for a person."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """What a look at one thing found: `fault` is None where it is in order."""

    told: str
    fault: str | None = None


def show(name: str, finding: Finding) -> None:
    """Print a finding."""
    mark, told = ("ok   ", finding.told) if finding.fault is None else ("FAULT", finding.fault)
    print(f"{mark}  {name:13}  {told}")
