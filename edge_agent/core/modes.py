"""Which part is likely to fail: from the codes that a charger tells and from what raises its risk."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from edge_agent.wire.answers import FailureMode
from edge_agent.wire.faults import FAULTS, NAMES, Whose, done_by, spellings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from edge_agent.wire.answers import Contribution

NAMED_BY_CODE = {code: part for code in NAMES if (part := FAULTS[NAMES[code]].part) is not None}
"""The vocabulary's parts. OCPP 1.6 has no contactor of its own: its PowerSwitchFailure may be one."""
HEAT_CODES = spellings(
    {name: FAULTS[name] for name in ("HighTemperature", "CableOverTempDerate", "CableOverTempStop")}
)
PART_CODES = frozenset(
    code
    for code, mode in NAMED_BY_CODE.items()
    if mode not in {FailureMode.CONNECTIVITY, FailureMode.PAYMENT} and code not in HEAT_CODES
)
"""What names a part: such a code tells more than one that may mean anything. Heat has a rate of its own."""
NOT_ITS_OWN = frozenset(NAMES) - done_by(Whose.CHARGER)
"""Codes of the vehicle, its user, the network or the grid: they tell nothing of the charger's own health."""
SHOWN_BY = {
    "temperature": FailureMode.CONNECTOR,
    "temperature_excess": FailureMode.CONNECTOR,
    "heat_rise": FailureMode.CONNECTOR,
    "derates_per_day_7d": FailureMode.COOLING,
    "power_shortfall": FailureMode.POWER_MODULE,
    "power_drift": FailureMode.POWER_MODULE,
    "failed_starts_1d": FailureMode.CONTACTOR,
    "failed_starts_7d": FailureMode.CONTACTOR,
    "failed_streak": FailureMode.CONTACTOR,
    "zero_session_share": FailureMode.CONTACTOR,
    "boots_per_day_7d": FailureMode.CONNECTIVITY,
    "silence_share_1d": FailureMode.CONNECTIVITY,
    "silence_share_7d": FailureMode.CONNECTIVITY,
}
CODE_WEIGHT = 1.0
SUSPECT_WEIGHT = 2.0
"""Log-odds that an active code which names a part, and the newest of late, are worth against other signs."""


def named_part(codes: Iterable[str]) -> FailureMode | None:
    """Return the part that the last of the codes names which names one."""
    named = [NAMED_BY_CODE[code] for code in codes if code in NAMED_BY_CODE]
    return named[-1] if named else None


def likely_mode(
    codes: Iterable[str], factors: Sequence[Contribution], suspect: FailureMode | None = None
) -> FailureMode:
    """Return the part that the signs point to; UNKNOWN where none does.

    codes: the charger's active codes. suspect: what codes named of late. factors: what moved the answer;
    what lowered it counts for nothing.
    """
    weight: dict[FailureMode, float] = defaultdict(float)
    if suspect is not None:
        weight[suspect] = SUSPECT_WEIGHT
    for code in codes:
        if code in NAMED_BY_CODE:
            weight[NAMED_BY_CODE[code]] += CODE_WEIGHT
    for each in factors:
        if each.contribution > 0 and each.feature in SHOWN_BY:
            weight[SHOWN_BY[each.feature]] += each.contribution
    return max(weight, key=weight.__getitem__, default=FailureMode.UNKNOWN)


def own_codes(codes: Iterable[str]) -> int:
    """Return how many of the codes are the charger's own."""
    return sum(code not in NOT_ITS_OWN for code in codes)
