"""A charger is retired or replaced: what is kept, told and erased, and that a restart knows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.core.models import Models
from edge_agent.core.rules import RulesAnomaly
from edge_agent.ingest.publisher import Introductions
from edge_agent.ports import Connected, Message
from edge_agent.wire.home_assistant import House, object_id
from edge_agent.wire.outbox import RecordType
from edge_agent.wire.service import Change, DeviceChange
from tests.core.making import RisingModel
from tests.rig.fakes import EVSE, FULL_DISK, PREFIX, Kerbside, a_deed, a_store

HOUSE = House("homeassistant", PREFIX, "site-001", "gw-001", {})
STATE, MAINTENANCE = f"{PREFIX}/state/CHG_001/1", f"{PREFIX}/maintenance/CHG_001"
DISCOVERY = f"homeassistant/device/{object_id('site-001', 'CHG_001')}/config"
EITHER = pytest.mark.parametrize("change", Change)


def opened(path: Path) -> Kerbside:
    """A site of two chargers, of which the first is hot, faulted, and has a suggestion."""
    site = Kerbside(a_store(path))
    site.publisher._introductions = Introductions(HOUSE)
    site.shelf.models = Models(RisingModel(), RulesAnomaly())
    site.connect().say("AVAILABLE", charger_id="CHG_002")
    site.say("FAULTY", temperature=70.0, error_codes=["GroundFailure"])
    site.ingest.suggest()
    site.until_due().confirm_all().turn()
    assert site.ingest.view.suggestions
    return site


def again(site: Kerbside, path: Path) -> Kerbside:
    """The site after a power cut: nothing is asked of the agent that was."""
    site.store.close()
    return Kerbside(a_store(path), site.clock)


def retained(site: Kerbside) -> set[str]:
    """Return the topics on which a late subscriber finds something of the charger."""
    held: dict[str, bytes] = {}
    for each in site.broker.sent:
        if each.retain:
            held[each.topic] = each.payload
    return {topic for topic, payload in held.items() if payload and "CHG" in topic and "002" not in topic}


def test_nothing_retained_is_left_of_one_that_was_retired(tmp_path: Path) -> None:
    site = opened(tmp_path / "s")
    site.ingest.change_device("CHG_001", Change.RETIRED, a_deed())
    site.turn()
    assert retained(site) == set()
    assert {each.topic for each in site.broker.sent if not each.payload} >= {STATE, MAINTENANCE, DISCOVERY}


def test_a_successor_stays_the_same_device_to_home_assistant(tmp_path: Path) -> None:
    site = opened(tmp_path / "s")
    site.broker.sent.clear()
    site.ingest.change_device("CHG_001", Change.REPLACED, a_deed())
    site.turn()
    erased = {each.topic for each in site.broker.sent if each.retain and not each.payload}
    assert {STATE, MAINTENANCE} <= erased
    assert DISCOVERY not in erased


@EITHER
def test_it_is_told_upwards_after_the_end_of_all_that_stood(tmp_path: Path, change: Change) -> None:
    site = opened(tmp_path / "s")
    told = site.ingest.change_device("CHG_001", change, a_deed())
    (record,) = site.store.records(RecordType.DEVICE_CHANGE)
    assert DeviceChange.model_validate_json(record.payload) == told
    assert told is not None
    assert told.connector_ids == (1,)
    others = (RecordType.ALERT, RecordType.MAINTENANCE)
    last = [site.store.records(kind)[-1] for kind in others]
    assert ["CLEARED" in last[0].payload, "REJECTED" in last[1].payload] == [True, True]
    assert all(each.seq < record.seq for each in last)


@EITHER
def test_the_one_that_is_gone_is_gone_after_a_power_cut_too(tmp_path: Path, change: Change) -> None:
    site = opened(tmp_path / "s")
    site.ingest.change_device("CHG_001", change, a_deed())
    before = site.state()
    after = again(site, tmp_path / "s")
    assert after.state() == before
    assert after.ingest.view.suggestions == {}
    assert EVSE not in after.ingest.view.latest
    assert (EVSE in after.ingest.view.site.chargers) is (change is Change.REPLACED)
    assert after.ingest.view.site.retired == site.ingest.view.site.retired


def test_what_was_not_erased_before_a_power_cut_is_erased_after_it(tmp_path: Path) -> None:
    site = opened(tmp_path / "s")
    site.broker.connected = False
    site.ingest.change_device("CHG_001", Change.RETIRED, a_deed())
    after = again(site, tmp_path / "s")
    after.turn(Connected(1, session_present=True))
    assert {STATE, MAINTENANCE} <= {each.topic for each in after.broker.sent if not each.payload}


def test_a_store_that_refuses_for_a_while_keeps_it_once_it_works(tmp_path: Path) -> None:
    site = opened(tmp_path / "s")
    site.store.refuses = FULL_DISK
    site.ingest.change_device("CHG_001", Change.RETIRED, a_deed())
    site.clock.pass_time(1.0)
    site.turn()
    site.store.refuses = None
    site.until_due()
    assert again(site, tmp_path / "s").ingest.view.site.chargers.keys() == {("CHG_002", 1)}


def test_the_readings_and_the_alert_stay_in_the_store(tmp_path: Path) -> None:
    site = opened(tmp_path / "s")
    kept = site.store.usage().readings
    site.ingest.change_device("CHG_001", Change.RETIRED, a_deed())
    assert site.store.usage().readings == kept


def test_one_that_speaks_again_is_told_of_again(tmp_path: Path) -> None:
    site = opened(tmp_path / "s")
    site.ingest.change_device("CHG_001", Change.RETIRED, a_deed())
    site.turn().confirm_all()
    site.say("AVAILABLE").turn().turn()
    assert {STATE, DISCOVERY} <= retained(site)


def test_a_state_that_waits_is_not_told_after_all(tmp_path: Path) -> None:
    site = opened(tmp_path / "s")
    site.turn(site.message(b'{"connector_status": "AVAILABLE", "connector_id": 1, "power": 3.0}'))
    site.ingest.change_device("CHG_001", Change.RETIRED, a_deed())
    site.clock.pass_time(2.0)
    site.turn().turn()
    assert retained(site) == set()


def test_what_the_broker_retained_of_it_is_set_aside_with_what_to_do(tmp_path: Path) -> None:
    site = opened(tmp_path / "s")
    site.ingest.change_device("CHG_001", Change.RETIRED, a_deed())
    said: Message = site.message(b'{"connector_status": "AVAILABLE", "connector_id": 1}', retained=True)
    site.turn(said).until_due()
    (reason,) = [each.reason for commit in site.store.kept for each in commit.quarantined]
    assert "erase" in reason
    assert EVSE not in site.ingest.view.site.chargers


def test_one_that_nobody_knows_changes_nothing(tmp_path: Path) -> None:
    site = opened(tmp_path / "s")
    kept = len(site.store.tried)
    assert site.ingest.change_device("NONE", Change.RETIRED, a_deed()) is None
    assert len(site.store.tried) == kept
