from __future__ import annotations

import pytest

from edge_agent.sources.measurands import read_sampled_values
from edge_agent.wire.metrics import Quantities
from tests.sources.conftest import Read

POWER = "Power.Active.Import"


def _power(value: object, **more: str) -> dict[str, object]:
    return {"value": value, "measurand": POWER, "unit": "W", **more}


def _celsius(value: object, **more: str) -> dict[str, object]:
    return {"value": value, "measurand": "Temperature", "unit": "Celsius", **more}


@pytest.mark.parametrize("value", ["7400", 7400, 7400.0, " 7400 "], ids=repr)
def test_a_value_may_be_text_or_a_number(sample: Read, value: object) -> None:
    assert sample(_power(value)).metrics == Quantities(power=7.4)


@pytest.mark.parametrize("value", [None, "", "x", "nan", "inf", True, [], {}, "1e999", 10**400])
def test_a_value_that_is_no_number_costs_only_itself(value: object) -> None:
    sampled = read_sampled_values([_power(value), _celsius("40")])
    assert sampled.quantities == Quantities(temperature=40, temperatures={"Outlet": 40})
    assert sampled.ignored == (f"value that is no number of {POWER}",)


def test_what_is_left_out_has_the_defaults_of_the_protocol(sample: Read) -> None:
    reading = sample({"value": "2300123"})
    assert reading.register_kwh == 2300.123
    assert reading.metrics == Quantities()


@pytest.mark.parametrize(
    ("unit", "value", "celsius"),
    [
        ("Celsius", "40", 40),
        ("Celcius", "40", 40),
        ("C", "40", 40),
        ("Fahrenheit", "104", 40),
        ("K", "313.15", 40),
    ],
)
def test_every_spelling_of_a_temperature_unit_is_understood(
    sample: Read, unit: str, value: str, celsius: float
) -> None:
    assert sample(_celsius(value, unit=unit)).metrics.temperature == pytest.approx(celsius)


@pytest.mark.parametrize(("unit", "value"), [("Wh", "12500"), ("kWh", "12.5"), ("kwh", 12.5)])
def test_the_register_comes_in_wh_or_kwh(sample: Read, unit: str, value: object) -> None:
    reading = sample({"value": value, "measurand": "Energy.Active.Import.Register", "unit": unit})
    assert reading.register_kwh == 12.5
    assert reading.metrics.energy_delivered is None


@pytest.mark.parametrize(("unit", "value"), [("W", "7400"), ("kW", "7.4")])
def test_power_comes_in_w_or_kw(sample: Read, unit: str, value: str) -> None:
    assert sample(_power(value, unit=unit)).metrics.power == 7.4


@pytest.mark.parametrize(
    ("odd", "kind"),
    [
        pytest.param(
            {"value": "50", "measurand": "Frequency", "unit": "Hz"},
            "measurand Frequency",
            id="lbbrhzn/ocpp 1576",
        ),
        pytest.param(_power("50", unit="Hz"), "unit Hz", id="an unknown unit"),
        pytest.param(_celsius("50", unit="Wh"), "unit Wh", id="a unit of something else"),
        pytest.param(_power("0A1B2C", format="SignedData"), "format SignedData", id="signed"),
        pytest.param(_power("5", phase="N"), "phase N", id="a phase that carries no power"),
        pytest.param({"value": "1", "measurand": "\x00" * 500}, "measurand unreadable", id="no word at all"),
        pytest.param({"value": "1", "measurand": ["x"]}, "measurand unreadable", id="no text at all"),
        pytest.param("x", "sampledValue that is no object", id="no object"),
        pytest.param(_celsius("20", location="EV"), "temperature at EV", id="the vehicle's"),
    ],
)
def test_an_unknown_sample_costs_only_itself(odd: object, kind: str) -> None:
    sampled = read_sampled_values([odd, _power("7400")])
    assert sampled.quantities.power == 7.4
    assert sampled.quantities.temperature is None
    assert sampled.ignored == (kind,)


def test_the_end_goes_before_periodic_before_clock_and_the_begin_never_counts(sample: Read) -> None:
    contexts = ["Transaction.Begin", "Other", "Sample.Clock", "Sample.Periodic", "Transaction.End"]
    samples = [_power(1000 * (rank + 1), context=context) for rank, context in enumerate(contexts)]
    for best in range(len(samples), 1, -1):
        assert sample(*samples[:best]).metrics.power == best
        assert sample(*reversed(samples[:best])).metrics.power == best
    # citrineos-core 1060: the 0 of a begin is no reading.
    assert sample(samples[0]).metrics == Quantities()


def test_phases_of_two_contexts_are_never_added(sample: Read) -> None:
    clock = [_power("1000", phase=phase, context="Sample.Clock") for phase in ("L1", "L2", "L3")]
    assert sample(*clock, _power("2500", phase="L1")).metrics.power == 2.5


def test_the_total_and_its_phases_are_never_added(sample: Read) -> None:
    phases = [_power("2000", phase=phase) for phase in ("L1", "L2", "L3")]
    assert sample(*phases).metrics.power == 6
    assert sample(*phases, _power("6100")).metrics.power == 6.1
    assert sample(*(_power("2000", phase=f"{line}-N") for line in ("L1", "L2", "L3"))).metrics.power == 6


def test_a_lone_first_phase_of_energy_is_the_total(sample: Read) -> None:
    assert sample({"value": "12500", "phase": "L1"}).register_kwh == 12.5


def test_inlet_and_outlet_of_a_dc_charger_are_not_mixed(sample: Read) -> None:
    inlet = [_power("20000", location="Inlet", phase=phase) for phase in ("L1", "L2", "L3")]
    assert sample(*inlet, _power("57000", location="Outlet")).metrics.power == 57
    assert sample(*inlet).metrics.power == 60


def test_temperatures_stand_by_place_and_the_hottest_is_the_temperature(sample: Read) -> None:
    metrics = sample(
        _celsius("35", location="Body"),
        _celsius("61", location="Cable"),
        _celsius("20", location="Inlet"),
        _celsius("40"),
        _celsius("42"),
    ).metrics
    assert metrics.temperatures == {"Body": 35, "Cable": 61, "Inlet": 20, "Outlet": 42}
    assert metrics.temperature == 61


@pytest.mark.parametrize(
    ("odd", "kind"),
    [
        (_celsius("-61", location="Cable"), "implausible temperature"),
        (_celsius("151", location="Cable"), "implausible temperature"),
        (_power("-1"), "implausible power"),
        ({"value": "-1"}, "implausible register"),
        ({"value": "101", "measurand": "SoC", "unit": "Percent"}, "implausible soc"),
        ({"value": "-1", "measurand": "Power.Offered", "unit": "W"}, "implausible power_limit"),
    ],
)
def test_a_value_that_cannot_be_true_is_left_out_and_named(odd: object, kind: str) -> None:
    sampled = read_sampled_values([odd, _celsius("35", location="Body")])
    assert sampled.quantities == Quantities(temperature=35, temperatures={"Body": 35})
    assert sampled.register_kwh is None
    assert sampled.ignored == (kind,)


def test_phases_too_great_to_add_are_implausible() -> None:
    sampled = read_sampled_values([_power(1.7e308, unit="kW", phase=phase) for phase in ("L1", "L2", "L3")])
    assert sampled.ignored == ("implausible power",)


def test_the_state_of_charge_needs_no_unit(sample: Read) -> None:
    assert sample({"value": "80", "measurand": "SoC", "location": "EV"}).metrics == Quantities(soc=80)


def _amperes(value: str, **more: str) -> dict[str, str]:
    return {"value": value, "measurand": "Current.Offered", "unit": "A", **more}


def _volts(value: str, **more: str) -> dict[str, str]:
    return {"value": value, "measurand": "Voltage", "unit": "V", **more}


def test_the_power_offered_is_the_limit_before_any_current(sample: Read) -> None:
    offered = {"value": "11", "measurand": "Power.Offered", "unit": "kW"}
    assert sample(offered, _amperes("32"), _volts("230")).metrics == Quantities(power_limit=11)


def test_a_current_offered_is_a_limit_with_the_voltage_of_each_line(sample: Read) -> None:
    lines = ("L1", "L2", "L3")
    assert sample(_amperes("16"), _volts("230")).metrics.power_limit == pytest.approx(3.68)
    assert sample(
        _amperes("16"), *(_volts("230", phase=f"{line}-N") for line in lines)
    ).metrics.power_limit == (pytest.approx(11.04))
    assert sample(*(_amperes("16", phase=line) for line in lines), _volts("230")).metrics.power_limit == (
        pytest.approx(11.04)
    )
    assert sample(_amperes("16")).metrics == Quantities()


def test_a_limit_far_below_the_power_that_flows_is_a_misreading() -> None:
    sampled = read_sampled_values([_amperes("16"), _volts("230"), _power("11000")])
    assert sampled.quantities == Quantities(power=11)
    assert sampled.ignored == ("implausible Current.Offered",)
