"""Whole worlds: a normal and a hard one, each also with anomalies put in, or with numbers of one's own."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

from edge_agent.simulator.parameters import (
    WEAR,
    FaultParameters,
    HeatParameters,
    OddityParameters,
    Parameters,
    SensingParameters,
    UsageParameters,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

TRAINING_SENSING = SensingParameters(interval_s=7200, charging_interval_s=900)
"""Reports as failures are foretold from: ten-second reports would take weeks to simulate."""
ANOMALY_SENSING = SensingParameters(interval_s=1800, charging_interval_s=120)
"""Reports as anomalies are found in."""
ODDITIES = OddityParameters(sudden_per_year=6, drifts_per_year=2, harmless_per_year=6)
HARD_ANNOUNCED = 0.71
"""Of the precursors that the normal world has: six in ten failures then come from nowhere."""


def _hard() -> Parameters:
    """Return the world in which little announces itself; where its numbers differ they are assumed."""
    weaker = {
        mode: replace(wear, precursor_share=HARD_ANNOUNCED * wear.precursor_share)
        for mode, wear in WEAR.items()
    }
    return Parameters(
        faults=FaultParameters(wear=weaker, codes_per_day=1.0, worn_boots_per_day=0.3, batch_share=0.3),
        heat=HeatParameters(mean_c=10, season_c=23, daily_c=12, resistance_gain=0.7, cooling_gain=0.5),
        usage=UsageParameters(
            worn_failed_start_share=0.3,
            worn_power_loss=0.3,
            curtailed_site_share=1.0,
            curtailed_hours=(7, 22),
        ),
        sensing=replace(TRAINING_SENSING, no_temperature_share=1.0),
    )


FROZEN = {
    "normal": "b861b51b069d2a3d04b63cd4216704e2b96f7b3158173d6fd2964464d91050eb",
    "hard": "b918706363282234ce0ffee8e6458319c470ba40ac6d4e1380d957920b865ee2",
}
"""The worlds' digests, written down before the models that ship were fitted. Who changes a number makes
another world: all figures of the models are void until they are trained and judged anew.
"""

WORLDS = {"normal": Parameters(sensing=TRAINING_SENSING), "hard": _hard()}


def world(name: str) -> Parameters:
    """Return a world by its name, `normal` or `hard`. Raises KeyError for another."""
    return WORLDS[name]


def with_oddities(parameters: Parameters) -> Parameters:
    """Return the world with anomalies put in, and reports as often as they need to be found."""
    sensing = replace(
        parameters.sensing,
        interval_s=ANOMALY_SENSING.interval_s,
        charging_interval_s=ANOMALY_SENSING.charging_interval_s,
    )
    return replace(parameters, sensing=sensing, oddities=ODDITIES)


def overridden(parameters: Parameters, values: Mapping[str, Any]) -> Parameters:
    """Return the world with some numbers replaced: `{"faults": {"outages_per_year": 2.0}}`.

    Raises ValueError, naming the place, for a name that is none or a value of another sort.
    """
    changed: Parameters = _overridden(parameters, values, "")
    return changed


def _overridden(old: Any, new: Any, where: str) -> Any:  # noqa: ANN401 - parameters are of many types
    if is_dataclass(old) and not isinstance(old, type):
        parts = {each.name: getattr(old, each.name) for each in fields(old)}
        return replace(old, **_merged(parts, new, where))
    if isinstance(old, dict):
        return {**old, **_merged({str(name): part for name, part in old.items()}, new, where)}
    if isinstance(old, tuple) and isinstance(new, list) and all(map(_is_number, new)):
        return tuple(new)
    if (_is_number(old) and _is_number(new)) or (type(old) is type(new)) or old is None:
        return new
    raise ValueError(f"{where.rstrip('.')}: {new!r} is no value for it")


def _merged(parts: dict[str, Any], new: object, where: str) -> dict[str, Any]:
    if not isinstance(new, dict):
        raise ValueError(f"{where.rstrip('.') or 'parameters'}: a table is expected")  # noqa: TRY004 - a file's fault
    for name in new:
        if name not in parts:
            raise ValueError(f"{where}{name}: there is no such parameter")
    return {name: _overridden(parts[name], part, f"{where}{name}.") for name, part in new.items()}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
