"""When silence means that a charger is gone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from edge_agent.core.pipeline import Site, step
from edge_agent.core.silence import HELD_BACK, RETURNING, Listening, Patience, findings, silence
from edge_agent.wire.metrics import Quantities
from edge_agent.wire.reading import Event, Reading, Source
from edge_agent.wire.types import EvseId
from tests.core.making import RULES, added, at, found, said, site, stepped

PATIENCE = Patience(after_s=120.0, usual_gaps=3.0, stranger_s=900.0)
ALWAYS = Listening(at(-86_400))


def heard(*readings: Reading) -> Site:
    return stepped(readings)[0]


def says(after: Site, seconds: float, since: float | None = -86_400) -> dict[int, str | None]:
    """Return what the agent finds, by connector."""
    listening = Listening(None if since is None else at(since))
    return {
        reading.evse.connector_id: reading.metrics.connector_status
        for reading in findings(after.chargers, at(seconds), listening, PATIENCE)
    }


def every_ten_seconds(connector_id: int = 1, count: int = 20) -> list[Reading]:
    return [said(10 * n, "CHARGING")._replace(connector_id=connector_id) for n in range(count)]


def looked_every_minute(after: Site, words: dict[int, Reading], minutes: int) -> int:
    """Return how often a charger is found silent by looking each minute in which it says nothing."""
    times = 0
    for minute in range(minutes):
        word = words.get(minute)
        found_now = [] if word else findings(after.chargers, at(60 * minute), ALWAYS, PATIENCE)
        times += any(each.metrics.connector_status == "OFFLINE" for each in found_now)
        after, _ = step(after, [word] if word else found_now, RULES)
    return times


def test_a_charger_is_gone_when_it_is_silent_for_longer_than_the_least_patience() -> None:
    after = heard(*every_ten_seconds())
    assert says(after, 190 + 120) == {}
    assert says(after, 190 + 121) == {1: "OFFLINE", 0: "OFFLINE"}


def test_a_silent_charger_is_found_with_each_evse_and_its_cabinet_once() -> None:
    after = heard(*[said(0)._replace(connector_id=connector) for connector in (0, 1, 2)])
    gone = findings(after.chargers, at(901), ALWAYS, PATIENCE)
    assert [reading.evse for reading in gone] == [("A", 0), ("A", 1), ("A", 2)]
    after = heard(said(0), said(0)._replace(connector_id=2))
    gone = findings(after.chargers, at(901), ALWAYS, PATIENCE)
    assert [reading.evse for reading in gone] == [("A", 1), ("A", 2), ("A", 0)]


@pytest.mark.parametrize("connectors", [(0,), (1,), (1, 2), (0, 1, 2)])
def test_one_dead_charger_is_one_alert_and_it_is_the_cabinets(connectors: tuple[int, ...]) -> None:
    after = heard(*[said(0)._replace(connector_id=connector) for connector in connectors])
    after, outcomes = step(after, findings(after.chargers, at(901), ALWAYS, PATIENCE), RULES)
    (alert,) = [alert for outcome in outcomes for alert in outcome.alerts]
    assert (alert.alert_type, alert.state, alert.connector_id) == ("CHARGER_OFFLINE", "OPEN", 0)
    after, _ = step(after, [said(1000)], RULES)
    after, outcomes = step(after, findings(after.chargers, at(1001), ALWAYS, PATIENCE), RULES)
    (cleared,) = [alert for outcome in outcomes for alert in outcome.alerts]
    assert (cleared.alert_id, cleared.state) == (alert.alert_id, "CLEARED")
    assert findings(after.chargers, at(1002), ALWAYS, PATIENCE) == []


def test_a_cabinet_made_for_its_silence_is_unknown_again_once_the_charger_is_heard() -> None:
    after = heard(said(0))
    after, _ = step(after, findings(after.chargers, at(901), ALWAYS, PATIENCE), RULES)
    assert after.chargers[EvseId("A", 0)].status == "OFFLINE"
    after, _ = step(after, [said(1000)], RULES)
    assert says(after, 1001) == {0: None}


def test_a_charger_that_speaks_seldom_is_given_three_of_its_gaps() -> None:
    after = heard(said(0), said(300), said(600))
    assert says(after, 600 + 890) == {}
    assert says(after, 600 + 901) == {1: "OFFLINE", 0: "OFFLINE"}


def test_a_stranger_is_given_a_quarter_of_an_hour() -> None:
    assert says(heard(said(0)), 900) == {}
    assert says(heard(said(0)), 901) == {1: "OFFLINE", 0: "OFFLINE"}


def test_deaf_is_not_silent() -> None:
    after = heard(*every_ten_seconds())
    assert says(after, 100_000, since=None) == {}
    assert says(after, 100_000, since=99_880) == {}
    assert says(after, 100_000, since=99_879) == {1: "OFFLINE", 0: "OFFLINE"}


def test_deafness_is_no_rhythm() -> None:
    after = heard(*[said(10 * n) for n in range(30)], *[said(30_000 + 10 * n) for n in range(30)])
    # Deaf from 300 s to 29,995 s; dead from 30,290 s on. The gap counts as two minutes, and fades.
    assert says(after, 30_290 + 350, since=29_995) == {}
    assert says(after, 30_290 + 361, since=29_995) == {1: "OFFLINE", 0: "OFFLINE"}


def test_a_charger_that_speaks_every_half_hour_is_not_called_offline_for_ever() -> None:
    words = {minute: said(60 * minute) for minute in range(0, 3 * 1440, 30)}
    assert looked_every_minute(site(), words, 3 * 1440) == 1


def test_a_rhythm_that_slows_is_learned() -> None:
    quick = heard(*[said(10 * n - 300) for n in range(30)])
    words = {minute: said(60 * minute) for minute in range(0, 2 * 1440, 10)}
    assert looked_every_minute(quick, words, 2 * 1440) <= 2


def test_a_late_reading_proves_life() -> None:
    ahead = [said(10 * n)._replace(measured_at=at(10 * n + 240)) for n in range(5)]
    corrected = [said(50 + 10 * n)._replace(measured_at=at(50 + 10 * n)) for n in range(15)]
    after = heard(*ahead, *corrected)
    assert after.chargers[EvseId("A", 1)].late == 15
    assert says(after, 190 + 120) == {}
    assert says(after, 190 + 121) == {1: "OFFLINE", 0: "OFFLINE"}


def test_one_live_connector_keeps_its_charger_alive() -> None:
    after = heard(said(0)._replace(connector_id=2), *every_ten_seconds())
    assert says(after, 300) == {}
    assert says(after, 400) == {0: "OFFLINE", 1: "OFFLINE", 2: "OFFLINE"}


def test_one_live_charger_does_not_keep_another_alive() -> None:
    other = [reading._replace(charger_id="B", received_at=at(500)) for reading in every_ten_seconds(count=1)]
    after = heard(*every_ten_seconds(), *other)
    gone = findings(after.chargers, at(510), ALWAYS, PATIENCE)
    assert [reading.evse for reading in gone] == [("A", 1), ("A", 0)]


def test_offline_is_found_once() -> None:
    after = heard(
        *every_ten_seconds(), *findings(heard(*every_ten_seconds()).chargers, at(400), ALWAYS, PATIENCE)
    )
    assert {charger.status for charger in after.chargers.values()} == {"OFFLINE"}
    assert says(after, 500) == {}


def test_heard_again_each_evse_is_what_it_last_said_itself() -> None:
    gone = heard(
        said(0, "CHARGING"),
        said(0, "FAULTY")._replace(connector_id=2),
        added(0)._replace(connector_id=0),
        *[found(1000, "OFFLINE")._replace(connector_id=connector) for connector in (0, 1, 2)],
    )
    back, _ = stepped([added(1010)._replace(connector_id=0)], start=gone)
    assert says(back, 1011) == {1: "CHARGING", 2: "FAULTY"}


def test_an_evse_that_never_told_its_status_goes_back_to_unknown() -> None:
    gone = heard(added(0), found(1000, "OFFLINE"), said(1010)._replace(connector_id=2))
    assert says(gone, 1011) == {1: None}


@pytest.mark.parametrize("status", ["OFFLINE", "AVAILABLE", "FAULTY"])
def test_a_charger_that_called_itself_offline_is_not_contradicted(status: str) -> None:
    assert says(heard(said(0, status)), 10) == {}


def test_what_was_only_retained_is_given_the_time_of_a_stranger() -> None:
    after = heard(said(0)._replace(retained=True))
    assert says(after, 1000, since=100) == {}
    assert says(after, 1001, since=100) == {1: "OFFLINE", 0: "OFFLINE"}


def test_a_finding_is_the_agents_own_and_of_now() -> None:
    gone = findings(heard(said(0)).chargers, at(2000), ALWAYS, PATIENCE)
    assert [finding.evse.connector_id for finding in gone] == [1, 0]
    for finding in gone:
        assert (finding.source, finding.received_at, finding.measured_at) == (Source.AGENT, at(2000), None)
        assert finding.metrics.model_fields_set == {"connector_status"}


def test_a_clock_that_was_set_back_makes_nobody_silent() -> None:
    after = heard(*every_ten_seconds())
    assert says(after, -5000, since=-5000) == {}
    assert says(after, -4880, since=-5000) == {}


def test_after_a_clock_was_set_back_the_time_listened_since_is_what_counts() -> None:
    assert says(heard(*every_ten_seconds()), -4879, since=-5000) == {1: "OFFLINE", 0: "OFFLINE"}


def test_one_word_after_the_clock_was_set_back_counts_and_not_those_of_the_future() -> None:
    after = heard(*every_ten_seconds(), said(-4900))
    assert says(after, -4780, since=-5000) == {}
    assert says(after, -4779, since=-5000) == {1: "OFFLINE", 0: "OFFLINE"}


@pytest.mark.parametrize(("usual", "seconds"), [(None, 900), (0.0, 120), (40.0, 120), (50.0, 150)])
def test_patience_is_three_gaps_and_never_less_than_its_least(usual: float | None, seconds: int) -> None:
    assert PATIENCE.limit(usual) == timedelta(seconds=seconds)


def test_no_chargers_are_not_silent() -> None:
    assert findings({}, at(0), ALWAYS, PATIENCE) == []


# The charger's link to our own endpoint


def link(seconds: float, event: Event) -> Reading:
    return said(seconds)._replace(connector_id=0, metrics=Quantities(), source=Source.OCPP, event=event)


def linked(*readings: Reading, at_s: float, broker: float | None = None, endpoint: float = -86_400) -> bool:
    """Whether the charger is found gone, heard by our endpoint."""
    since = Listening(None if broker is None else at(broker), at(endpoint))
    found_now = findings(heard(*readings).chargers, at(at_s), since, PATIENCE)
    return any(each.metrics.connector_status == "OFFLINE" for each in found_now)


def test_a_charger_whose_socket_closed_is_gone_unless_it_comes_back_within_the_least_patience() -> None:
    readings = [link(0, Event.LINK_OPENED), said(1), link(2, Event.LINK_CLOSED)]
    assert not linked(*readings, at_s=2 + 120)
    assert linked(*readings, at_s=2 + 121)
    assert not linked(*readings, link(100, Event.LINK_OPENED), at_s=2 + 121)


def test_a_charger_that_is_cut_off_by_no_doing_of_its_own_is_never_gone() -> None:
    assert not linked(link(0, Event.LINK_OPENED), said(1), link(2, Event.LINK_CUT), at_s=86_400)


def test_a_charger_with_an_open_socket_is_judged_by_its_rhythm_whatever_the_broker_does() -> None:
    readings = [link(0, Event.LINK_OPENED), *every_ten_seconds()]
    assert not linked(*readings, at_s=190 + 120)
    assert linked(*readings, at_s=190 + 121)


def test_time_before_our_own_start_does_not_count_against_an_open_socket() -> None:
    readings = [link(0, Event.LINK_OPENED), *every_ten_seconds()]
    assert not linked(*readings, at_s=10_000, endpoint=9_990)
    assert linked(*readings, at_s=10_000, endpoint=9_000)


def test_a_last_will_is_believed_at_once_and_ends_with_the_next_word() -> None:
    readings = [said(0), said(10), link(20, Event.LAST_WILL)]
    assert says(heard(*readings), 21) == {0: "OFFLINE", 1: "OFFLINE"}
    assert says(heard(*readings), 21, since=None) == {0: "OFFLINE", 1: "OFFLINE"}
    assert says(heard(*readings, said(30)), 31) == {}


def test_the_end_of_a_link_keeps_a_charger_offline_that_was_found_so() -> None:
    after = heard(link(0, Event.LINK_OPENED), said(1))
    gone = findings(after.chargers, at(2000), Listening(None, at(-86_400)), PATIENCE)
    after, _ = step(after, [*gone, link(2001, Event.LINK_CLOSED)], RULES)
    assert after.chargers[EvseId("A", 0)].status == "OFFLINE"


# One cause that takes the site


def site_of(*voices: tuple[str, float, float]) -> Site:
    """Return a site of chargers, each by id, seconds between its words, and when it fell silent."""
    words = [
        said(seconds)._replace(charger_id=charger_id)
        for charger_id, every, until in voices
        for seconds in range(0, int(until) + 1, int(every))
    ]
    return stepped(sorted(words, key=lambda word: word.received_at))[0]


def look(after: Site, seconds: float) -> tuple[set[str], set[str]]:
    """Return who is silent with the site, and who for himself."""
    found = silence(after.chargers, at(seconds), ALWAYS, PATIENCE)
    gone = {each.charger_id for each in found.readings if each.metrics.connector_status == "OFFLINE"}
    together = set(found.together or ())
    return together, gone - together


def test_most_of_a_site_that_falls_silent_together_is_one_fact_of_the_site() -> None:
    after = site_of(("A", 10, 600), ("B", 10, 610), ("C", 10, 590), ("D", 10, 735))
    assert look(after, 740) == ({"A", "B", "C"}, set())


def test_two_of_a_large_site_are_two_facts() -> None:
    after = site_of(("A", 10, 600), ("B", 10, 600), *[(name, 10, 735) for name in "CDEFG"])
    assert look(after, 740) == (set(), {"A", "B"})


def test_one_that_was_dead_long_before_keeps_its_own_alert_and_does_not_count() -> None:
    after = site_of(("A", 10, 100), ("B", 10, 2000), ("C", 10, 2000))
    assert look(after, 2150) == ({"B", "C"}, {"A"})


def test_a_charger_with_a_slow_rhythm_is_no_accomplice_of_one_that_dies() -> None:
    after = site_of(("A", 10, 600), ("B", 300, 600))
    assert look(after, 740) == (set(), {"A"})


def test_one_cause_is_not_first_many_where_rhythms_differ() -> None:
    after = site_of(("A", 10, 600), ("B", 60, 600), ("C", 60, 600))
    assert look(after, 725) == ({"A"}, set())
    assert look(after, 800) == ({"A", "B", "C"}, set())


def test_a_quick_charger_waits_until_another_voice_proves_that_the_site_lives() -> None:
    """A power cut at 3,000 s, at a site where the others speak every 15 minutes."""
    others = [(name, 900, 2_700) for name in "BCDEFG"]
    cut = site_of(("A", 10, 3_000), *others)
    assert look(cut, 3_200) == (set(), set())
    assert look(cut, 3_400) == (set(), set())
    alone = site_of(("A", 10, 3_000), *others[:-1], ("G", 900, 3_600))
    assert look(alone, 3_650) == (set(), {"A"})


def test_a_charger_is_held_back_for_a_while_alone() -> None:
    cut = site_of(("A", 10, 3_000), *[(name, 2_400, 2_400) for name in "BCD"])
    limit_s = 3_000 + PATIENCE.after_s + HELD_BACK.total_seconds()
    assert look(cut, limit_s - 1)[1] == set()
    assert "A" in look(cut, limit_s + 1)[0] | look(cut, limit_s + 1)[1]


def test_the_only_charger_of_a_site_is_no_site() -> None:
    assert look(site_of(("A", 10, 600)), 740) == (set(), {"A"})


def test_who_stays_away_when_the_site_is_back_is_gone_for_itself() -> None:
    after = site_of(("A", 10, 600), ("B", 10, 600), ("C", 10, 600))
    after, outcomes = step(after, silence(after.chargers, at(740), ALWAYS, PATIENCE).readings, RULES)
    assert not [alert for outcome in outcomes for alert in outcome.alerts]
    after, _ = step(after, [said(800)._replace(charger_id=name) for name in "AB"], RULES)
    found = silence(after.chargers, at(805), ALWAYS, PATIENCE)
    assert found.together == frozenset()
    assert "C" not in {each.charger_id for each in found.readings}  # it may still be on its way back
    after, _ = step(
        after, [*found.readings, *(said(1_390)._replace(charger_id=name) for name in "AB")], RULES
    )
    found = silence(after.chargers, at(801 + RETURNING.total_seconds()), ALWAYS, PATIENCE)
    after, outcomes = step(after, found.readings, RULES)
    (alert,) = [alert for outcome in outcomes for alert in outcome.alerts]
    assert (alert.charger_id, alert.alert_type, alert.state) == ("C", "CHARGER_OFFLINE", "OPEN")
    assert after.chargers[EvseId("A", 1)].status == "AVAILABLE"
