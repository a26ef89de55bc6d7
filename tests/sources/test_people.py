"""People's data: masked by name in any nesting; of bytes that are not JSON only length and hash remain."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.sources.people import MASK, names_people, without_people

TAG = "DEADBEEF007"


@pytest.mark.parametrize(
    "name",
    [
        "idTag",
        "id_tag",
        "IDTAG",
        "id-tag",
        "parentIdTag",
        "idToken",
        "groupIdToken",
        "emaid",
        "eMAID",
        "contract_emaid",
        "evccId",
        "EV-MAC",
        "ev_mac_address",
        "mac",
        "vin",
        "vehicleVIN",
        "rfid",
        "authorization",
        "Authorization-Header",
        "certificateChain",
        "iso15118CertificateHashData",
    ],
)
def test_a_name_of_a_person_or_a_vehicle_is_known_whatever_its_case_and_separators(name: str) -> None:
    assert names_people(name)


@pytest.mark.parametrize(
    "name",
    [
        "machine",
        "vehicle_count",
        "idTagInfo",
        "macro",
        "vine",
        "tag",
        "id",
        "connectorId",
        "transactionId",
        "",
    ],
)
def test_a_name_that_only_looks_like_it_is_not(name: str) -> None:
    assert not names_people(name)


def test_other_values_and_the_order_stay_and_white_space_goes() -> None:
    payload = b'{ "b" : [1, 2.5, true, null, "x"],\n "machine": "m", "vehicle_count": 3, "a": {} }'
    assert without_people(payload) == b'{"b":[1,2.5,true,null,"x"],"machine":"m","vehicle_count":3,"a":{}}'


@pytest.mark.parametrize("value", [TAG, 5, None, [TAG], {"idToken": TAG, "type": "ISO14443", "more": [TAG]}])
def test_whatever_stands_under_such_a_name_is_masked_whole(value: object) -> None:
    masked = json.loads(without_people(json.dumps({"idTag": value, "meterStart": 5}).encode()))
    assert masked == {"idTag": MASK, "meterStart": 5}


def test_in_an_ocpp_frame_only_the_tag_is_masked() -> None:
    frame = [3, "1", {"idTagInfo": {"status": "Accepted", "parentIdTag": TAG}, "transactionId": 4}]
    assert json.loads(without_people(json.dumps(frame).encode())) == [
        3,
        "1",
        {"idTagInfo": {"status": "Accepted", "parentIdTag": MASK}, "transactionId": 4},
    ]


def test_a_frame_inside_an_envelope_is_a_text_and_is_masked_in_it() -> None:
    frame = json.dumps([2, "1", "Authorize", {"idTag": TAG}])
    masked = json.loads(without_people(json.dumps({"direction": "in", "message": frame}).encode()))
    assert masked == {"direction": "in", "message": f'[2,"1","Authorize",{{"idTag":"{MASK}"}}]'}


def test_an_envelope_inside_an_envelope_is_masked_too() -> None:
    inner = json.dumps({"frame": json.dumps([2, "1", "Authorize", {"idTag": TAG}])})
    assert TAG.encode() not in without_people(json.dumps([inner]).encode())


@pytest.mark.parametrize("before", [" ", "\n", "\t"])
def test_white_space_before_a_frame_in_a_text_hides_nobody(before: str) -> None:
    frame = before + json.dumps([2, "1", "Authorize", {"idTag": TAG}])
    assert TAG.encode() not in without_people(json.dumps({"message": frame}).encode())


def test_a_text_that_begins_like_a_frame_and_is_none_is_told_by_its_hash() -> None:
    text = f"[idTag={TAG}"
    masked = json.loads(without_people(json.dumps({"message": text}).encode()))
    assert masked == {"message": not_json(text.encode())}


def not_json(payload: bytes) -> str:
    return f"{len(payload)} bytes that are not JSON, sha256 {sha256(payload).hexdigest()}"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"\xff\xfe",
        f"idTag={TAG}".encode(),
        f'{{"idTag": "{TAG}"'.encode(),
        b"[" * 10_000,
        b'"\\ud800"',
    ],
)
def test_of_bytes_that_are_not_json_length_and_hash_remain(payload: bytes) -> None:
    assert without_people(payload) == not_json(payload).encode()


def nested(lists: int, texts: int) -> bytes:
    """Return lists in lists, with the same again as a text in the innermost, and so on."""
    payload = "[]"
    for _ in range(texts):
        payload = "[" * lists + json.dumps(payload) + "]" * lists
    return payload.encode()


@pytest.mark.parametrize(
    "texts",
    [
        1,
        pytest.param(8),
    ],
)
def test_texts_nested_in_lists_nested_in_texts_end_nothing(texts: int) -> None:
    payload = nested(150, texts)
    assert len(payload) < 100_000
    assert without_people(payload)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


@given(JSON, st.sampled_from(["idTag", "EV-MAC", "vin"]), st.integers(0, 3))
def test_a_tag_is_found_however_deep_it_lies(around: object, name: str, depth: int) -> None:
    document: dict[str, object] = {name: TAG, "beside": around}
    for level in range(depth):
        document = {"in": [document, around]} if level % 2 else {"as text": json.dumps(document)}
    assert TAG.encode() not in without_people(json.dumps(document).encode())


@given(st.binary(max_size=60) | JSON.map(json.dumps).map(str.encode))
def test_any_bytes_give_something_that_is_the_same_when_it_is_masked_again(payload: bytes) -> None:
    once = without_people(payload)
    if once.endswith(sha256(payload).hexdigest().encode()):
        return
    assert without_people(once) == once
