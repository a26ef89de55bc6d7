from __future__ import annotations

import json as json_
from pathlib import Path

import pytest

from edge_agent.simulator.parameters import WEAR, Mode, digest
from edge_agent.simulator.worlds import FROZEN, overridden, with_oddities, world
from models.training.fleet import world_of


def unannounced(name: str) -> float:
    """Share of the failures of the charger's own parts that come from nowhere, by the parameters."""
    wear = [each for each in world(name).faults.wear.values() if each.own]
    return 1 - sum(each.share * each.precursor_share for each in wear) / sum(each.share for each in wear)


def test_at_least_three_failures_in_ten_come_from_nowhere_and_six_in_the_hard_world() -> None:
    assert unannounced("normal") >= 0.3
    assert unannounced("hard") == pytest.approx(0.6, abs=0.02)


@pytest.mark.parametrize("name", ["normal", "hard"])
def test_a_fifth_to_a_third_of_precursors_goes_away(name: str) -> None:
    assert 0.2 <= world(name).faults.heal_share <= 0.3


def test_nobody_feels_temperature_in_the_hard_world() -> None:
    assert world("hard").sensing.no_temperature_share == 1


@pytest.mark.parametrize("name", ["normal", "hard"])
def test_the_worlds_are_those_that_were_frozen_before_anything_was_fitted(name: str) -> None:
    assert digest(world(name)) == FROZEN[name]


def test_the_models_that_ship_were_trained_on_the_frozen_world() -> None:
    manifest = json_.loads((Path(__file__).parents[2] / "models" / "manifest.json").read_text())
    assert {each["training"]["world_sha256"] for each in manifest["models"].values()} == {FROZEN["normal"]}


def test_a_digest_is_the_same_until_any_number_changes() -> None:
    assert digest(world("normal")) == digest(overridden(world("normal"), {}))
    told = {
        digest(world("normal")),
        digest(world("hard")),
        digest(with_oddities(world("normal"))),
        digest(overridden(world("normal"), {"heat": {"rise_c": 21.0}})),
        digest(overridden(world("normal"), {"kinds": {"hub": {"arrivals_per_day": 3.0}}})),
    }
    assert len(told) == 5


def test_a_file_changes_some_numbers_and_leaves_the_others(tmp_path: Path) -> None:
    toml, json = tmp_path / "w.toml", tmp_path / "w.json"
    toml.write_text("[faults]\noutages_per_year = 2\n[faults.wear.connector]\ndays = 20.5\n")
    json.write_text('{"faults": {"outages_per_year": 2, "wear": {"connector": {"days": 20.5}}}}')
    changed = world_of("normal", toml)
    assert changed == world_of("normal", json)
    assert changed.faults.outages_per_year == 2
    assert changed.faults.wear[Mode.CONNECTOR].days == 20.5
    assert changed.faults.wear[Mode.LOCK] == WEAR[Mode.LOCK]


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"falts": {}}, "falts: there is no such parameter"),
        ({"faults": {"wear": {"engine": {}}}}, "faults.wear.engine: there is no such parameter"),
        ({"faults": {"heal": "often"}}, "faults.heal: 'often' is no value"),
        ({"heat": 3}, "heat: a table is expected"),
    ],
)
def test_what_there_is_not_is_refused_by_name(values: dict[str, object], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        overridden(world("normal"), values)
