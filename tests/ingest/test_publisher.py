"""From the outbox to the broker: in order, bounded, the cursor never ahead of the broker's word."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.models import Models
from edge_agent.core.rules import RulesAnomaly, RulesFailure
from edge_agent.ingest.publisher import MOST_IN_FLIGHT, MOST_IN_MEMORY, STATE_EVERY_S, Publisher
from edge_agent.ports import Commit, Connected
from edge_agent.service import STATUS_EVERY_S
from edge_agent.wire.alert import AlertState
from edge_agent.wire.outbox import Record, RecordType
from tests.rig.fakes import EVSE, PREFIX, FakeBroker, FakeStore, Kerbside, a_record, a_store, an_alert

MODELS = Models(RulesFailure(), RulesAnomaly())
TOPIC = f"{PREFIX}/alerts/CHG_001/1/CHARGER_FAULTED"
STATE = f"{PREFIX}/state/CHG_001/1"


class Bench:
    """A publisher with a store that holds what it is offered."""

    def __init__(self, store: FakeStore | None = None, *, connected: bool = True) -> None:
        self.broker = FakeBroker(connected)
        self.store = store or a_store()
        self.publisher = Publisher(self.broker, self.store, PREFIX)

    def tell(self, *records: Record) -> Bench:
        self.store.commit(Commit(records=list(records)))
        self.publisher.offer(records)
        return self.pump()

    def pump(self) -> Bench:
        self.publisher.pump(1_000.0)
        return self

    def seqs(self) -> list[int]:
        return [each.told["seq"] for each in self.broker.sent if each.payload]

    def confirm(self, *packet_ids: int) -> list[int]:
        """Return where the cursor stands after each acknowledgement."""
        at = []
        for packet_id in packet_ids:
            self.publisher.published(packet_id)
            at.append(self.publisher.cursor)
        return at


@pytest.fixture
def bench() -> Bench:
    return Bench().pump()


def numbered(first: int, last: int) -> list[Record]:
    return [a_record(seq, an_alert(seq, charger_id=f"C{seq}")) for seq in range(first, last + 1)]


def test_an_open_alert_is_published_retained(bench: Bench) -> None:
    bench.tell(a_record(1))
    ((topic, payload, retain, _),) = bench.broker.sent
    assert (topic, retain) == (TOPIC, True)
    assert json.loads(payload)["state"] == "OPEN"


def test_a_cleared_alert_goes_out_not_retained_and_then_the_retained_one_is_erased(bench: Bench) -> None:
    bench.tell(a_record(1, an_alert(1, AlertState.CLEARED)))
    assert [(each.topic, bool(each.payload), each.retain) for each in bench.broker.sent] == [
        (TOPIC, True, False),
        (TOPIC, False, True),
    ]


def test_the_cursor_passes_a_cleared_alert_only_once_the_erasure_is_acknowledged_too(bench: Bench) -> None:
    bench.tell(a_record(1, an_alert(1, AlertState.CLEARED)))
    first, second = (each.packet_id for each in bench.broker.sent)
    assert bench.confirm(second, first) == [0, 1]


def test_the_cursor_moves_only_over_what_is_acknowledged_without_a_gap(bench: Bench) -> None:
    bench.tell(*numbered(1, 4))
    ids = [each.packet_id for each in bench.broker.sent]
    assert bench.confirm(ids[1], ids[2], ids[0], ids[3]) == [0, 0, 3, 4]


@given(order=st.permutations(range(8)), again=st.integers(0, 7))
def test_in_whatever_order_acknowledgements_come_the_cursor_only_rises_and_ends_at_the_last(
    order: list[int], again: int
) -> None:
    bench = Bench().pump().tell(*numbered(1, 8))
    ids = [bench.broker.sent[each].packet_id for each in order]
    moves = bench.confirm(*ids[: again + 1], *ids)
    assert moves == sorted(moves)
    assert moves[-1] == 8
    for done, cursor in enumerate(moves[again + 1 :], 1):
        acknowledged = {each + 1 for each in order[: max(done, again + 1)]}
        assert set(range(1, cursor + 1)) <= acknowledged


def test_an_acknowledgement_that_comes_twice_or_of_nothing_moves_nothing(bench: Bench) -> None:
    bench.tell(*numbered(1, 2))
    first = bench.broker.sent[0].packet_id
    assert [bench.publisher.published(each) for each in (first, first, 9_999)] == [True, False, False]
    assert bench.publisher.cursor == 1


def test_while_not_connected_nothing_is_published_and_all_of_it_after(bench: Bench) -> None:
    bench.broker.connected = False
    bench.tell(*numbered(1, 3))
    assert bench.broker.sent == []
    assert bench.publisher.backlog == 3
    bench.broker.connected = True
    assert bench.pump().seqs() == [1, 2, 3]


def test_no_more_than_64_are_in_flight_and_an_acknowledgement_lets_the_next_go(bench: Bench) -> None:
    bench.tell(*numbered(1, 100))
    assert len(bench.seqs()) == MOST_IN_FLIGHT == 64
    bench.confirm(bench.broker.sent[0].packet_id)
    assert bench.pump().seqs() == list(range(1, 66))


def test_a_broker_that_takes_no_more_gets_the_rest_later_in_order_and_nothing_is_left_out(
    bench: Bench,
) -> None:
    bench.broker.room = 2
    bench.tell(*numbered(1, 4))
    bench.broker.room = None
    assert bench.pump().seqs() == [1, 2, 3, 4]


def test_an_erasure_that_did_not_go_out_goes_out_later(bench: Bench) -> None:
    bench.broker.room = 1
    bench.tell(a_record(1, an_alert(1, AlertState.CLEARED)))
    bench.broker.room = None
    bench.pump()
    assert (bench.broker.sent[-1].payload, bench.broker.sent[-1].retain) == (b"", True)
    bench.confirm(*(each.packet_id for each in bench.broker.sent))
    assert bench.publisher.cursor == 1


def test_the_cursor_waits_for_an_erasure_that_did_not_go_out_yet(bench: Bench) -> None:
    bench.broker.room = 1
    bench.tell(a_record(1, an_alert(1, AlertState.CLEARED)))
    assert bench.confirm(bench.broker.sent[0].packet_id) == [0]


def test_a_restart_goes_on_after_the_cursor_and_publishes_again_what_was_not_acknowledged() -> None:
    before = Bench().pump().tell(*numbered(1, 5))
    before.confirm(*(each.packet_id for each in before.broker.sent[:2]))
    after = Bench(before.store)
    after.publisher.resume(before.publisher.cursor)
    assert after.pump().seqs() == [3, 4, 5]


def test_a_crash_between_commit_and_publish_loses_no_alert(tmp_path: Path) -> None:
    site = Kerbside(a_store(tmp_path / "s"))
    site.broker.connected = False
    site.say("FAULTY").say("AVAILABLE").say("AVAILABLE")
    site.store.close()
    again = Kerbside(a_store(tmp_path / "s"), site.clock)
    again.connect()
    again.broker.sent.clear()
    assert again.publisher.backlog == 2
    third = Kerbside(again.store, site.clock)
    third.turn()
    assert third.broker.alerts() == [("CHARGER_FAULTED", "OPEN"), ("CHARGER_FAULTED", "CLEARED")]
    third.confirm_all().until_due()
    assert set(third.store.real.restore().cursors.values()) == {3}  # the outage is not for MQTT


def test_a_backlog_longer_than_memory_goes_out_whole_and_in_order() -> None:
    bench = Bench(connected=False)
    most = 2 * MOST_IN_MEMORY + 500
    for first in range(1, most, 500):
        bench.tell(*numbered(first, first + 499))
    bench.broker.connected = True
    confirmed = 0
    while confirmed < most:
        bench.pump()
        assert len(bench.publisher._waiting) < 2 * MOST_IN_MEMORY
        fresh = bench.broker.sent[confirmed:]
        assert fresh
        bench.confirm(*(each.packet_id for each in fresh))
        confirmed += len(fresh)
    assert bench.seqs() == list(range(1, most + 1))
    assert bench.publisher.cursor == most


def test_what_is_offered_while_it_is_behind_is_not_published_twice() -> None:
    bench = Bench()
    bench.store.commit(Commit(records=numbered(1, 3)))
    bench.tell(*numbered(4, 6))
    bench.tell(*numbered(7, 8))
    assert bench.seqs() == list(range(1, 9))


def test_a_gap_record_is_passed_over_and_the_alert_after_it_moves_the_cursor(bench: Bench) -> None:
    bench.tell(a_record(1, kind=RecordType.GAP), a_record(2))
    assert len(bench.broker.sent) == 1
    assert bench.confirm(bench.broker.sent[0].packet_id) == [2]


def test_a_gap_record_at_the_end_is_no_backlog(bench: Bench) -> None:
    bench.tell(a_record(1, kind=RecordType.GAP))
    assert bench.publisher.backlog == 0


def test_maintenance_is_published_retained_under_its_charger(bench: Bench) -> None:
    bench.tell(a_record(1, kind=RecordType.MAINTENANCE))
    assert [(each.topic, each.retain) for each in bench.broker.sent] == [
        (f"{PREFIX}/maintenance/CHG_001", True)
    ]


def test_answers_and_readings_are_not_for_the_broker() -> None:
    site = Kerbside().connect().say()
    assert {record.stream for commit in site.store.kept for record in commit.records}
    assert [each.topic for each in site.broker.sent] == [STATE]


def test_a_record_that_a_newer_agent_wrote_does_not_block_those_after_it(bench: Bench) -> None:
    """An older agent opens a newer store: design, "Choices made"."""
    strange = a_record(1).model_copy(update={"payload": '{"alert_type": "FROM_THE_FUTURE"}'})
    bench.tell(strange, a_record(2))
    assert bench.seqs()[-1] == 2


# On a connection


def test_on_a_connection_it_says_that_it_is_there_and_every_alert_that_is_open() -> None:
    site = Kerbside().connect().say("FAULTY").say("FAULTY", charger_id="CHG_002", temperature=70.0)
    site.confirm_all()
    site.broker.sent.clear()
    site.turn(Connected(2, session_present=True))
    assert site.broker.sent[0].topic == f"{PREFIX}/gateway/status"
    assert sorted(site.broker.alerts()) == [
        ("CHARGER_FAULTED", "OPEN"),
        ("CHARGER_FAULTED", "OPEN"),
        ("OVER_TEMPERATURE", "OPEN"),
    ]
    assert all(each.retain for each in site.broker.sent)


# State


def test_state_holds_reading_failure_and_anomaly_and_is_retained() -> None:
    site = Kerbside().connect().say("CHARGING", power=7.0)
    state = site.broker.sent[-1]
    assert (state.topic, state.retain) == (STATE, True)
    assert set(state.told) == {"charger_id", "connector_id", "reading", "failure", "anomaly"}
    assert state.told["reading"]["power"] == 7.0
    assert state.told["failure"]["charger_id"] == state.told["anomaly"]["charger_id"] == "CHG_001"


def test_state_goes_out_at_most_once_a_second_and_then_the_newest() -> None:
    site = Kerbside().connect().say("CHARGING", power=1.0)
    for power in (2.0, 3.0, 4.0):
        site.clock.pass_time(STATE_EVERY_S / 4)
        site.turn(
            site.message(
                json.dumps({"connector_status": "CHARGING", "connector_id": 1, "power": power}).encode()
            )
        )
    site.clock.pass_time(STATE_EVERY_S / 4)
    site.turn()
    told = [each.told["reading"]["power"] for each in site.broker.sent if each.topic == STATE]
    assert told == [1.0, 4.0]


def test_state_goes_out_at_least_once_a_minute() -> None:
    """Whoever orders it does so each minute: the daemon's schedule."""
    site = Kerbside().connect().say()
    site.broker.sent.clear()
    for second in range(1, 181):
        site.clock.pass_time(1.0)
        if second % STATUS_EVERY_S == 0:
            site.ingest.tell_status()
        site.turn()
    assert [each.topic for each in site.broker.sent if each.topic == STATE] == [STATE] * 3


def test_state_in_which_nothing_changed_is_not_published_again() -> None:
    site = Kerbside().connect().say(power=0.0)
    site.broker.sent.clear()
    for _ in range(10):
        site.say(power=0.0)
    assert site.broker.sent == []


def test_a_state_that_the_broker_did_not_take_goes_out_later() -> None:
    site = Kerbside().connect()
    site.broker.room = 0
    site.say()
    site.broker.room = None
    site.until_due()
    assert [each.topic for each in site.broker.sent] == [STATE]


def test_weeks_of_readings_leave_nothing_behind_in_memory() -> None:
    site = Kerbside(commit_s=0.001).connect()
    chance = random.Random(1)
    for _ in range(400):
        site.say(chance.choice(["AVAILABLE", "FAULTY"]), charger_id=f"C{chance.randrange(5)}")
        site.confirm_all()
        site.broker.sent.clear()
    publisher, evses = site.publisher, len(site.ingest.view.site.chargers)
    assert len(publisher._in_flight) + len(publisher._unconfirmed) + len(publisher._waiting) == 0
    assert len(publisher._states) <= evses
    assert len(publisher._told_states) <= evses
    assert len(site.ingest.counts()) < 10
    assert EVSE not in publisher._states
