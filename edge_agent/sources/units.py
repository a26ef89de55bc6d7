"""Units as the world spells them: name, without case -> (its zero, its size) in the wire's unit."""

from __future__ import annotations

W_PER_KW = 1000.0
Unit = tuple[float, float]
Units = dict[str, Unit]

# The first of each is meant where none is given: for energy OCPP 1.6 says so (7.45).
ENERGY_KWH: Units = {"wh": (0.0, W_PER_KW), "kwh": (0.0, 1.0), "mwh": (0.0, 0.001), "j": (0.0, 3.6e6)}
POWER_KW: Units = {"w": (0.0, W_PER_KW), "kw": (0.0, 1.0), "mw": (0.0, 0.001)}
CURRENT_A: Units = {"a": (0.0, 1.0)}
VOLTAGE_V: Units = {"v": (0.0, 1.0)}
PERCENT: Units = {"percent": (0.0, 1.0), "%": (0.0, 1.0), "share": (0.0, 0.01)}
TEMPERATURE_C: Units = {
    **dict.fromkeys(("celsius", "celcius", "c", "°c"), (0.0, 1.0)),
    **dict.fromkeys(("fahrenheit", "f", "°f"), (32.0, 1.8)),
    **dict.fromkeys(("k", "kelvin"), (273.15, 1.0)),
    "tenths": (0.0, 10.0),
}
HOURS: Units = {
    "s": (0.0, 3600.0),
    "min": (0.0, 60.0),
    "h": (0.0, 1.0),
    "d": (0.0, 1 / 24),
    "ms": (0.0, 3.6e6),
}


def converted(value: float, unit: Unit) -> float:
    """Return a value in the wire's unit."""
    zero, size = unit
    return (value - zero) / size
