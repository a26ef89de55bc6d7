from __future__ import annotations

import json

import pytest

from edge_agent.wire.reading import Event
from tests.sources.conftest import Send

STATUS = [2, "m-1", "StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Available"}]


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(STATUS, id="raw"),
        pytest.param(
            {"message": json.dumps(STATUS), "direction": "ChargingStationToCSMS", "version": "1.6"},
            id="EVerest's ocpp_consumer",
        ),
        pytest.param(
            {"timestamp": "2025-10-01T08:00:00Z", "message_type": "Call", "payload": STATUS}, id="a mirror"
        ),
        pytest.param(
            {"type": 2, "action": STATUS[2], "id": "m-1", "request": STATUS[3]},
            id="MaEVe's gateway/pipe/message.go, commit 7cb7b9e",
        ),
    ],
)
def test_a_frame_says_the_same_bare_and_in_every_envelope(send_ocpp: Send, document: object) -> None:
    assert send_ocpp(document) == send_ocpp(STATUS)
    assert send_ocpp(document).readings


@pytest.mark.parametrize("topic", ["ocpp", "ocpp/down"])
@pytest.mark.parametrize(
    "document",
    [
        pytest.param([3, "m-1", {"transactionId": 7, "idTagInfo": {"status": "Accepted"}}], id="raw"),
        pytest.param(
            {
                "type": 3,
                "action": "StartTransaction",
                "id": "m-1",
                "request": {"connectorId": 1, "idTag": "04AABBCC", "meterStart": 1},
                "response": {"transactionId": 7, "idTagInfo": {"parentIdTag": "04AABBCC"}},
            },
            id="with its request repeated",
        ),
    ],
)
def test_an_answer_with_a_transaction_id_confirms_the_start_in_either_direction(
    send_ocpp: Send, topic: str, document: object
) -> None:
    decoded = send_ocpp(document, topic)
    (reading,) = decoded.readings
    assert reading.event is Event.TRANSACTION_CONFIRMED
    assert (reading.call_id, reading.transaction_id, reading.connector_id) == ("m-1", "7", None)
    assert "04AABBCC" not in repr(decoded)


@pytest.mark.parametrize(
    "answer", [{}, None, {"transactionId": "7"}, {"transactionId": True}, {"currentTime": "x"}]
)
def test_any_other_answer_holds_nothing(send_ocpp: Send, answer: object) -> None:
    assert send_ocpp([3, "m-1", answer]).ignored == ("ocpp answer",)


def test_a_refusal_is_counted_by_its_code(send_ocpp: Send) -> None:
    assert send_ocpp([4, "m-1", "NotImplemented", "", {}]).ignored == ("ocpp refusal NotImplemented",)
    assert send_ocpp({"id": "m-1", "error_code": "GenericError"}).ignored == ("ocpp refusal GenericError",)


@pytest.mark.parametrize(
    "frame", [[2, "m-1", "Heartbeat"], [2, "m-1", "Heartbeat", None], [2, 17, "Heartbeat", {}]]
)
def test_a_payload_may_be_null_or_missing_and_an_id_a_number(send_ocpp: Send, frame: object) -> None:
    assert send_ocpp(frame).readings


def test_a_long_or_numeric_message_id_still_ties_start_and_answer_together(send_ocpp: Send) -> None:
    for message_id in (17, "x" * 1000):
        (started,) = send_ocpp(
            [2, message_id, "StartTransaction", {"connectorId": 1, "meterStart": 0}]
        ).readings
        (confirmed,) = send_ocpp([3, message_id, {"transactionId": 7}]).readings
        assert started.call_id == confirmed.call_id
        assert started.call_id is not None
        assert len(started.call_id) <= 128


@pytest.mark.parametrize(
    "document",
    [
        [2],
        [2, "m-1"],
        [2, "m-1", 5, {}],
        [3],
        [9, "m-1", {}],
        ["2", "m-1", "Heartbeat", {}],
        [2, "m-1", "X", []],
        "x",
    ],
    ids=str,
)
def test_half_a_frame_is_rejected(send_ocpp: Send, document: object) -> None:
    decoded = send_ocpp(document)
    assert decoded.rejected
    assert not decoded.readings


def test_a_frame_in_an_envelope_that_is_no_json_is_rejected(send_ocpp: Send) -> None:
    (rejected,) = send_ocpp({"message": "[2, "}).rejected
    assert rejected.reason.startswith("not valid JSON")
