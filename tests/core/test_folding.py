"""Properties of the state that hold for whatever readings come."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from edge_agent.core.charger import Charger, observe
from edge_agent.core.pipeline import refold
from edge_agent.wire.metrics import Quantities
from edge_agent.wire.reading import Reading
from tests.core.making import folded, site, stepped, stranger
from tests.core.readings import histories

ANY_CHARGER = TypeAdapter(Charger)


def thawed(charger: Charger) -> Charger:
    """Return the charger as it comes back from a snapshot."""
    return ANY_CHARGER.validate_json(ANY_CHARGER.dump_json(charger))


def known(charger: Charger) -> tuple[Charger, dict[str, object]]:
    """Return the charger and its quantities apart: a snapshot keeps those, not the class that bore them."""
    now = {name: getattr(charger.now, name) for name in Quantities.model_fields}
    return replace(charger, now=Quantities()), now


@given(histories(), st.data())
@settings(max_examples=150)
def test_folding_on_from_a_snapshot_is_folding_in_one_go(history: list[Reading], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(history)))
    in_one_go = folded(history, stranger())
    in_two = folded(history[cut:], thawed(folded(history[:cut], stranger())))
    assert known(in_two) == known(in_one_go)


@given(histories())
@settings(max_examples=100)
def test_counters_never_fall_and_a_current_reading_is_known(history: list[Reading]) -> None:
    charger = stranger()
    for reading in history:
        after, deviation, current = observe(charger, reading, charger.heard_at)
        assert after.readings >= charger.readings
        assert after.late >= charger.late
        assert after.sessions.started >= charger.sessions.started
        assert after.sessions.ended >= charger.sessions.ended
        assert after.sessions.started - after.sessions.ended == (after.sessions.current is not None)
        assert after.last_at >= charger.last_at or reading.at != reading.measured_at
        assert 0 <= after.sessions.zero_share <= 1
        assert after.sessions.mean_kwh >= 0
        assert after.sessions.energy_kwh is None or after.sessions.energy_kwh >= 0
        assert all(-100 <= z <= 100 for z in deviation.values())
        assert not (current and reading.retained)
        charger = after


@given(histories(), st.data())
@settings(max_examples=60)
def test_folding_again_after_a_start_gives_the_chargers_that_were(
    history: list[Reading], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(history)))
    snapshot, _ = stepped(history[:cut])
    after, outcomes = stepped(history[cut:], start=snapshot)
    restarted = refold(
        site(),
        {evse: thawed(charger) for evse, charger in snapshot.chargers.items()},
        [(outcome.evse, outcome.reading) for outcome in outcomes],
    )
    assert {evse: known(charger) for evse, charger in restarted.chargers.items()} == {
        evse: known(charger) for evse, charger in after.chargers.items()
    }
    assert restarted.heard == after.heard
