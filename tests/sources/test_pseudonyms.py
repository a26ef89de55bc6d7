"""A recording names no charger, site, person or vehicle, and says the same by the same."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.sources import Received
from edge_agent.sources.pseudonyms import SITE, Pseudonyms
from edge_agent.sources.registry import Registry
from tests.rig.fakes import PREFIX, START

OTHERS = Pseudonyms(b"key", PREFIX)
TOPIC = f"{PREFIX}/chargers/CHG_001/ocpp"


def test_topics_lose_the_site_and_the_charger_and_stay_readable() -> None:
    topic = OTHERS.topic(TOPIC, "CHG_001")
    assert topic == f"{SITE}/chargers/{OTHERS.of('charger', 'CHG_001')}/ocpp"
    assert Registry(SITE).charger_of(topic) == OTHERS.of("charger", "CHG_001")
    assert OTHERS.topic("go-eCharger/222819/car", "222819").startswith("go-eCharger/charger-")


def test_people_serials_and_addresses_are_replaced_by_the_same_each_time() -> None:
    frame = [2, "1", "StartTransaction", {"idTag": "PERSON", "connectorId": 1, "meterStart": 5}]
    first, again = (OTHERS.payload(json.dumps(frame).encode(), "CHG_001") for _ in range(2))
    assert first == again
    assert first[3]["idTag"].startswith("person-")
    assert (first[2], first[3]["meterStart"]) == ("StartTransaction", 5)
    boot = {
        "chargePointSerialNumber": "SN-7741-ACME",
        "iccid": "8944110068601234567",
        "chargePointModel": "M",
        "parentIdTag": "PERSON",
    }
    told = OTHERS.payload(json.dumps(boot).encode(), None)
    assert told["parentIdTag"] == first[3]["idTag"], "one person is one name"
    assert told["chargePointModel"] == "M"
    text = json.dumps(told)
    assert "SN-7741-ACME" not in text
    assert "8944110068601234567" not in text
    assert OTHERS.payload(b'{"location":"ftp://user:secret@host/x"}', None)["location"].startswith("address-")


def test_an_id_token_of_2_x_keeps_its_type_and_a_frame_in_an_envelope_is_looked_through() -> None:
    event = [2, "1", "TransactionEvent", {"idToken": {"idToken": "PERSON", "type": "ISO14443"}}]
    told = OTHERS.payload(json.dumps({"message": json.dumps(event), "id": "CHG_001"}).encode(), "CHG_001")
    assert told["message"][3]["idToken"]["type"] == "ISO14443"
    assert "PERSON" not in json.dumps(told)
    assert told["id"] == OTHERS.of("charger", "CHG_001")


def test_words_stay_and_what_could_say_anything_does_not() -> None:
    assert OTHERS.payload(b"offline", None) == "offline"
    assert OTHERS.payload(b"\xff\xfe" * 100, None).startswith("text-")
    assert OTHERS.payload(b'[2,"1","Auth', None).startswith("text-")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])), st.binary(max_size=80))
def test_any_topic_and_bytes_get_other_names(topic: str, payload: bytes) -> None:
    OTHERS.topic(topic, None)
    json.dumps(OTHERS.payload(payload, "CHG_001"))


def test_a_frame_leads_to_the_same_reading_under_another_name() -> None:
    frame = [
        2,
        "1",
        "StatusNotification",
        {"connectorId": 1, "status": "Faulted", "errorCode": "GroundFailure"},
    ]
    raw = json.dumps(frame).encode()
    (own,) = Registry(PREFIX).decode(Received(TOPIC, raw, START)).readings
    other = json.dumps(OTHERS.payload(raw, "CHG_001")).encode()
    (under_another,) = Registry(SITE).decode(Received(OTHERS.topic(TOPIC, "CHG_001"), other, START)).readings
    assert under_another == own._replace(charger_id=OTHERS.of("charger", "CHG_001"))
