"""The OCPP-J endpoint: chargers of PyPI's `ocpp` and of npm's `ocpp-rpc`, a back office that records."""

from __future__ import annotations

import asyncio
import json
import random
import ssl
import subprocess
import sys
from collections.abc import Coroutine
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from ocpp.v16 import call as call16
from ocpp.v16.enums import ChargePointStatus
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from edge_agent.ingest.inbox import Inbox
from edge_agent.ingest.tap import Tap
from tests.rig import tls
from tests.rig.ocpp import (
    TAG,
    Backoffice,
    Endpoint,
    Heard,
    boot16,
    charger16,
    charger201,
    endpoint,
    meter16,
    session16,
    session201,
    start16,
    status16,
    stop16,
)
from tests.rig.waiting import DEADLINE_S, HOST

CLIENTS = Path(__file__).parents[1] / "clients"
NODE = Path(sys.executable).with_name("node")
OCPP16 = [Subprotocol("ocpp1.6")]
OWED = ("StartTransaction", "MeterValues", "StopTransaction")


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 2 * DEADLINE_S))


async def npm_session(url: str, protocol: str, charger_id: str = "CP3", password: str = "") -> list[Any]:
    """Return what was answered to a session by the npm client."""
    client = await asyncio.create_subprocess_exec(
        NODE,
        "session.mjs",
        url,
        protocol,
        charger_id,
        password,
        cwd=CLIENTS,
        stdout=subprocess.PIPE,
    )
    out, _ = await client.communicate()
    answers: list[Any] = json.loads(out)
    assert client.returncode == 0, answers
    return answers


# Relay


@pytest.mark.parametrize("stand_in", [False, True])
def test_relay_is_byte_identical_both_ways_and_in_order(tmp_path: Path, stand_in: bool) -> None:
    # Blanks, escapes, numbers and order of members that no writer of ours would choose.
    frames = [
        '[2,  "a-1", "BootNotification", {"chargePointModel" : "M\\u00fc", "chargePointVendor":"Vé"}]',
        '[2,"a-2","DataTransfer",{"vendorId":"x","data":"1e3","zz":1.50,"aa":null}]',
        '[2,"a-3","Heartbeat",{}]',
        "this is no frame at all",
        '[2,"a-4","MeterValues",{"connectorId":1,"transactionId":7,"meterValue":[]}]',
    ]

    async def check() -> None:
        upstream = Backoffice()
        await upstream.start()
        upstream.deaf = True
        async with endpoint(tmp_path, upstream, stand_in=stand_in) as ours:
            async with connect(f"{ours.url}/CP1", subprotocols=OCPP16, compression=None) as charger:
                for frame in frames:
                    await charger.send(frame)
                await upstream.wait_for(lambda: len(upstream.asked) == len(frames))
                assert [text for _, text in upstream.asked] == frames
                down = [
                    '[3,"a-1", {"status":"Accepted",\n "interval": 60.0,"currentTime":"2026-01-01"}]',
                    '[2,"u-1","Reset",{"type":"Soft"} ]',
                    "nor is this",
                ]
                for text in down:
                    await upstream.say(text)
                assert [await charger.recv() for _ in down] == down
            said = [text for _, what, text in ours.heard.events if what == "said"]
            assert said == frames
            assert [text for _, what, text in ours.heard.events if what == "told"] == down

    run(check())


def test_chargers_of_the_ocpp_package_run_whole_sessions_through_the_relay(tmp_path: Path) -> None:
    async def check() -> None:
        upstream = Backoffice()
        await upstream.start()
        async with endpoint(tmp_path, upstream) as ours:
            async with charger16(ours.url) as charger:
                assert await session16(charger) == 1
            async with charger201(ours.url) as charger:
                await session201(charger)
        assert [frame[2] for frame in upstream.requests()][:2] == ["BootNotification", "Authorize"]
        assert len(upstream.requests("TransactionEvent")) == 3

    run(check())


@pytest.mark.parametrize("protocol", ["ocpp1.6", "ocpp2.0.1"])
@pytest.mark.parametrize("way", ["relay", "stand-in", "alone"])
def test_the_npm_client_runs_a_whole_session_in_each_mode(tmp_path: Path, protocol: str, way: str) -> None:
    async def check() -> None:
        upstream = None if way == "alone" else Backoffice()
        if upstream is not None:
            await upstream.start()
        async with endpoint(
            tmp_path, upstream, stand_in=way == "stand-in", accept_unknown=way == "alone"
        ) as ours:
            answers = dict(await npm_session(ours.url, protocol))
        assert answers["BootNotification"]["status"] == "Accepted"
        assert "currentTime" in answers["Heartbeat"]
        if protocol == "ocpp1.6":
            assert answers["StartTransaction"]["idTagInfo"]["status"] == "Accepted"

    run(check())


def test_the_back_office_chooses_the_sub_protocol_and_sees_the_charger_s_own_authorization(
    tmp_path: Path,
) -> None:
    async def check() -> None:
        upstream = Backoffice(protocols=("ocpp1.6",))
        await upstream.start()
        async with endpoint(tmp_path, upstream) as ours:
            offered = [Subprotocol("ocpp2.0.1"), Subprotocol("ocpp1.6")]
            headers = {"Authorization": "Basic Q1AxOnNlY3JldA=="}
            async with connect(
                f"{ours.url}/CP1", subprotocols=offered, additional_headers=headers
            ) as charger:
                assert charger.subprotocol == "ocpp1.6"
                assert not charger.protocol.extensions
        assert upstream.authorizations == ["Basic Q1AxOnNlY3JldA=="]

    run(check())


@pytest.mark.parametrize("status", [HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND])
@pytest.mark.parametrize("stand_in", [False, True])
def test_whom_the_back_office_refuses_is_refused_alike(
    tmp_path: Path, status: HTTPStatus, stand_in: bool
) -> None:
    async def check() -> None:
        upstream = Backoffice()
        await upstream.start()
        upstream.refuses = status
        async with endpoint(tmp_path, upstream, stand_in=stand_in) as ours:
            with pytest.raises(InvalidStatus) as refused:
                await connect(f"{ours.url}/CP1", subprotocols=OCPP16)
        assert refused.value.response.status_code == status

    run(check())


@pytest.mark.parametrize(("code", "reason"), [(1000, "done"), (1008, "policy"), (4001, "ours"), (1005, "")])
@pytest.mark.parametrize("stand_in", [False, True])
def test_close_codes_are_passed_on_both_ways(tmp_path: Path, code: int, reason: str, stand_in: bool) -> None:
    async def close(leg: Any) -> None:
        if code != 1005:
            await leg.close(code, reason)
            return
        async with leg.send_context():
            leg.protocol.send_close()

    async def check() -> None:
        upstream = Backoffice()
        await upstream.start()
        async with endpoint(tmp_path, upstream, stand_in=stand_in) as ours:
            charger = await connect(f"{ours.url}/CP1", subprotocols=OCPP16)
            await close(charger)
            await upstream.wait_for(lambda: bool(upstream.closes))
            assert upstream.closes == [(code, reason)]
            charger = await connect(f"{ours.url}/CP1", subprotocols=OCPP16)
            await upstream.wait_for(lambda: len(upstream.connections) == 2)
            await close(upstream.connections[-1])
            await charger.wait_closed()
            assert (charger.close_code, charger.close_reason) == (code, reason)

    run(check())


def test_a_back_office_that_takes_nothing_holds_the_charger_up_and_loses_nothing(tmp_path: Path) -> None:
    count, padding = 400, "x" * 50_000

    async def check() -> None:
        upstream = Backoffice()
        await upstream.start()
        upstream.deaf = True
        async with endpoint(tmp_path, upstream) as ours:
            async with connect(f"{ours.url}/CP1", subprotocols=OCPP16, compression=None) as charger:
                await upstream.wait_for(lambda: bool(upstream.connections))
                upstream.connections[0].transport.pause_reading()
                sending = asyncio.create_task(_send_all(charger, count, padding))
                done, _ = await asyncio.wait([sending], timeout=1.0)
                assert not done, "20 MB went somewhere: into our memory"
                upstream.connections[0].transport.resume_reading()
                await sending
                await upstream.wait_for(lambda: len(upstream.asked) == count)
        assert [frame[1] for frame in upstream.requests()] == [f"m-{number}" for number in range(count)]

    run(check())


async def _send_all(charger: Any, count: int, padding: str) -> None:
    for number in range(count):
        await charger.send(json.dumps([2, f"m-{number}", "DataTransfer", {"vendorId": "v", "data": padding}]))


def test_a_pipeline_that_stands_still_costs_the_observation_and_not_the_charge(tmp_path: Path) -> None:
    inbox = Inbox(most=3)  # nobody takes anything from it, as when a disk hangs
    tap = Tap(inbox, "evzone/v1/s", lambda: datetime.now(UTC))

    async def check() -> None:
        upstream = Backoffice()
        await upstream.start()
        async with endpoint(tmp_path, upstream, listener=tap) as ours, charger16(ours.url) as charger:
            await session16(charger)
        assert len(upstream.requests()) == 9

    run(check())
    assert inbox.waiting == 3
    assert tap.missed == 1 + 2 * 9 + 1 - 3  # the link's two ends, calls and answers


# Upstream lost: close


def test_close_upstream_killed_ends_the_charger_s_connection_and_the_charger_is_not_called_gone(
    tmp_path: Path,
) -> None:
    async def check() -> None:
        upstream = Backoffice()
        await upstream.start()
        async with endpoint(tmp_path, upstream) as ours:
            async with charger201(ours.url) as charger:
                await session201(charger)
                await upstream.kill()
                await charger._connection.wait_closed()
            with pytest.raises(InvalidStatus) as refused:
                await connect(f"{ours.url}/CP2", subprotocols=OCPP16)
            assert refused.value.response.status_code == HTTPStatus.SERVICE_UNAVAILABLE
            await ours.heard.wait_for_words("opened", "cut", "cut")
            await upstream.start()
            async with charger201(ours.url) as charger:
                await session201(charger)

    run(check())


# Upstream lost: stand-in


def test_stand_in_a_charge_whose_upstream_is_killed_ends_well_and_upstream_is_told_all_of_it_once_in_order(
    tmp_path: Path,
) -> None:
    async def check() -> None:
        upstream = Backoffice()
        await upstream.start()
        async with endpoint(tmp_path, upstream, stand_in=True) as ours, charger16(ours.url) as charger:
            await session16(charger)
            begun = await start16(charger)
            await meter16(charger, begun.transaction_id, 2000)
            await upstream.kill()
            await meter16(charger, begun.transaction_id, 3000)
            assert (await stop16(charger, begun.transaction_id)) is not None
            # One that begins and ends meanwhile, and one that goes on when upstream is back.
            second = await start16(charger, meter_wh=6000)
            assert second.id_tag_info["status"] == "Accepted"
            await meter16(charger, second.transaction_id, 7000)
            await stop16(charger, second.transaction_id, 8000)
            third = await start16(charger, meter_wh=8000)
            assert len({begun.transaction_id, second.transaction_id, third.transaction_id}) == 3
            await upstream.start()
            await upstream.wait_for(lambda: len(upstream.requests("StartTransaction")) == 4)
            await meter16(charger, third.transaction_id, 9000)
            await stop16(charger, third.transaction_id, 9500)
            await upstream.wait_for(lambda: len(upstream.requests("StopTransaction")) == 4)
            assert ours.heard.words() == ["opened"]
        told = [(frame[2], frame[3].get("transactionId")) for frame in upstream.requests(*OWED)]
        assert told[3:] == [
            ("StartTransaction", None),
            ("MeterValues", 2),
            ("MeterValues", 2),
            ("StopTransaction", 2),
            ("StartTransaction", None),
            ("MeterValues", 3),
            ("StopTransaction", 3),
            ("StartTransaction", None),
            ("MeterValues", 4),
            ("StopTransaction", 4),
        ]
        texts = [text for _, text in upstream.asked]
        assert len(texts) == len(set(texts)), "a message came twice"

    run(check())


def test_stand_in_resends_what_was_not_answered_with_the_same_id_and_payload(tmp_path: Path) -> None:
    async def check() -> None:
        upstream = Backoffice()
        await upstream.start()
        async with endpoint(tmp_path, upstream, stand_in=True) as ours, charger16(ours.url) as charger:
            await boot16(charger)
            await charger.call(call16.Authorize(TAG))
            upstream.deaf = True
            starting = asyncio.create_task(start16(charger))
            await upstream.wait_for(lambda: len(upstream.requests("StartTransaction")) == 1)
            await upstream.kill()
            started = await starting
            assert started.id_tag_info["status"] == "Accepted"
            await stop16(charger, started.transaction_id)
            upstream.deaf = False
            await upstream.start()
            await upstream.wait_for(lambda: len(upstream.requests("StopTransaction")) == 1)
        first, again = [text for _, text in upstream.asked if "StartTransaction" in text]
        assert first == again
        assert upstream.requests("StopTransaction")[0][3]["transactionId"] == 1

    run(check())


def test_stand_in_survives_a_restart_of_ours_and_a_charger_that_comes_back_meanwhile(tmp_path: Path) -> None:
    async def check() -> None:
        upstream = Backoffice()
        await upstream.start()
        async with endpoint(tmp_path, upstream, stand_in=True) as ours, charger16(ours.url) as charger:
            await session16(charger)
            await upstream.kill()
            started = await start16(charger)
        async with endpoint(tmp_path, upstream, stand_in=True) as ours:
            async with charger16(ours.url) as charger:
                await boot16(charger)
                await meter16(charger, started.transaction_id, 3000)
                await stop16(charger, started.transaction_id)
                await status16(charger, ChargePointStatus.available)
                await status16(charger, ChargePointStatus.preparing)
            assert ours.ledger is not None
            assert ours.ledger.waiting() == 3
            await upstream.start()
            async with charger16(ours.url) as charger:
                await upstream.wait_for(lambda: upstream.requests()[-1][2] == "StatusNotification")
                await charger.call(call16.Heartbeat())
            assert ours.ledger.waiting() == 0
        told = [frame[2] for frame in upstream.requests()]
        after = told[told.index("Heartbeat") + 1 :]
        assert after == ["BootNotification", *OWED, "StatusNotification", "Heartbeat"]
        assert upstream.requests("StatusNotification")[-1][3]["status"] == "Preparing"

    run(check())


def test_stand_in_refuses_strangers_and_accepts_whom_upstream_accepted_before(tmp_path: Path) -> None:
    async def check() -> None:
        upstream = Backoffice()
        await upstream.start()
        async with endpoint(tmp_path, upstream, stand_in=True) as ours, charger16(ours.url) as charger:
            await session16(charger)
            await upstream.kill()
            accepted = await charger.call(call16.Authorize(TAG.lower()))
            stranger = await charger.call(call16.Authorize("STRANGER"))
            assert accepted.id_tag_info["status"] == "Accepted"
            assert stranger.id_tag_info["status"] == "Invalid"
            with pytest.raises(InvalidStatus):  # a charger that upstream never saw
                await connect(f"{ours.url}/CP9", subprotocols=OCPP16)
        assert TAG.encode() not in (tmp_path / "ledger.sqlite").read_bytes()

    run(check())


def test_stand_in_what_upstream_refuses_three_times_does_not_hold_up_the_rest(tmp_path: Path) -> None:
    async def check() -> None:
        upstream = Backoffice()
        await upstream.start()
        async with endpoint(tmp_path, upstream, stand_in=True) as ours, charger16(ours.url) as charger:
            await session16(charger)
            await upstream.kill()
            started = await start16(charger)
            await meter16(charger, started.transaction_id, 3000)
            await stop16(charger, started.transaction_id)
            upstream.fails = {"MeterValues"}
            await upstream.start()
            await upstream.wait_for(lambda: len(upstream.requests("StopTransaction")) == 2)
        assert len(upstream.requests("MeterValues")) == 1 + 3

    run(check())


def test_stand_in_a_remote_stop_names_the_transaction_as_the_charger_knows_it(tmp_path: Path) -> None:
    async def check() -> None:
        upstream = Backoffice()
        await upstream.start()
        async with endpoint(tmp_path, upstream, stand_in=True) as ours:
            async with connect(f"{ours.url}/CP1", subprotocols=OCPP16, compression=None) as charger:
                await charger.send('[2,"1","Authorize",{"idTag":"TAG1"}]')
                await charger.recv()
                await upstream.kill()
                start = {"connectorId": 1, "idTag": TAG, "meterStart": 0, "timestamp": "2026-01-01T00:00:00Z"}
                await charger.send(json.dumps([2, "2", "StartTransaction", start]))
                ours_id = json.loads(await charger.recv())[2]["transactionId"]
                await upstream.start()
                await upstream.wait_for(lambda: len(upstream.requests("StartTransaction")) == 1)
                await charger.send('[2,"3","Heartbeat",{}]')
                await charger.recv()
                await upstream.say('[2,"u","RemoteStopTransaction",{ "transactionId": 1 }]')
                stop = await charger.recv()
                assert stop == f'[2,"u","RemoteStopTransaction",{{ "transactionId": {ours_id} }}]'
                await charger.send('[3,"u",{"status":"Accepted"}]')
                await upstream.wait_for(lambda: upstream.asked[-1][1] == '[3,"u",{"status":"Accepted"}]')

    run(check())


def test_stand_in_is_for_ocpp_1_6_alone_a_charger_of_2_0_1_is_closed_and_queues_by_itself(
    tmp_path: Path,
) -> None:
    async def check() -> None:
        upstream = Backoffice()
        await upstream.start()
        async with endpoint(tmp_path, upstream, stand_in=True) as ours, charger201(ours.url) as charger:
            await session201(charger)
            await upstream.kill()
            await charger._connection.wait_closed()

    run(check())


@pytest.mark.parametrize("seed", range(4))
def test_stand_in_whenever_upstream_dies_it_has_every_transaction_message_in_order_in_the_end(
    tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)

    async def die_and_rise(upstream: Backoffice, heard: Heard) -> None:
        while True:
            await upstream.wait_for_messages(chance.randrange(1, 12))
            upstream.deaf = chance.random() < 0.5  # then it dies with questions unanswered
            await upstream.wait_for_messages(1)
            await upstream.kill()
            upstream.deaf = False
            await heard.wait_for_messages(chance.randrange(1, 12))
            await upstream.start()

    async def check() -> None:
        upstream = Backoffice()
        await upstream.start()
        async with endpoint(tmp_path, upstream, stand_in=True) as ours, charger16(ours.url) as charger:
            await session16(charger)
            dying = asyncio.create_task(die_and_rise(upstream, ours.heard))
            for _ in range(12):
                started = await start16(charger)
                for meter_wh in range(2000, 6000, 1000):
                    await meter16(charger, started.transaction_id, meter_wh)
                await stop16(charger, started.transaction_id)
            dying.cancel()
            await asyncio.gather(dying, return_exceptions=True)
            await upstream.start()
            said = [json.loads(text) for _, what, text in ours.heard.events if what == "said"]
            owed = [frame[1] for frame in said if frame[2] in OWED]
            await upstream.wait_for(lambda: any(owed[-1] in text for _, text in upstream.asked))
        told = upstream.requests(*OWED)
        assert list(dict.fromkeys(frame[1] for frame in told)) == owed
        variants = {(frame[1], json.dumps(frame)) for frame in told}
        assert len(variants) == len(owed), "one message came in two forms"
        _check_ids(told)

    run(check())


def _check_ids(told: list[Any]) -> None:
    """Each transaction is spoken of under one id of upstream's from its beginning to its end."""
    running: set[int] = set()
    for frame in {each[1]: each for each in told}.values():
        transaction_id = frame[3].get("transactionId")
        if frame[2] == "StartTransaction":
            assert len(running) <= 1
            running = set()
        else:
            running.add(transaction_id)
            assert len(running) == 1
            assert transaction_id < 1_000_000


# No upstream at all


def test_without_a_back_office_whole_sessions_run_all_the_same(tmp_path: Path) -> None:
    async def check() -> None:
        async with endpoint(tmp_path, accept_unknown=True) as ours:
            async with charger16(ours.url) as charger:
                first = await session16(charger)
                assert await session16(charger) > first
            async with charger201(ours.url) as charger:
                await session201(charger)
            await ours.heard.wait_for_words("opened", "closed", "opened", "closed")

    run(check())


def test_without_a_back_office_unknown_id_tags_are_refused_by_default(tmp_path: Path) -> None:
    async def check() -> None:
        async with endpoint(tmp_path) as ours, charger16(ours.url) as charger:
            refused = await charger.call(call16.Authorize(TAG))
            assert refused.id_tag_info["status"] == "Invalid"

    run(check())


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/ocpp/CP1", {}, HTTPStatus.UNAUTHORIZED),
        ("/ocpp/CP1", {"Authorization": "Basic Q1AxOndyb25n"}, HTTPStatus.UNAUTHORIZED),
        ("/ocpp/CP2", {"Authorization": "Basic Q1AxOnNlY3JldA=="}, HTTPStatus.UNAUTHORIZED),
        ("/ocpp/CP1", {"Authorization": "Basic ***"}, HTTPStatus.UNAUTHORIZED),
        ("/ocpp/CP1", {"Authorization": "Basic Q1AxOnNlY3JldA=="}, None),
        ("/ocpp/_ours", {}, HTTPStatus.NOT_FOUND),
        ("/ocpp/", {}, HTTPStatus.NOT_FOUND),
        ("/elsewhere/CP1", {}, HTTPStatus.NOT_FOUND),
    ],
)
def test_a_charger_shows_its_password_where_no_back_office_asks(
    tmp_path: Path, path: str, headers: dict[str, str], status: HTTPStatus | None
) -> None:
    async def check() -> None:
        async with endpoint(tmp_path, passwords={"CP1": "secret"}) as ours:
            url = ours.url.removesuffix("/ocpp") + path
            try:
                async with connect(url, subprotocols=OCPP16, additional_headers=headers):
                    found = None
            except InvalidStatus as refused:
                found = refused.response.status_code
        assert found == status

    run(check())


def test_a_charger_that_offers_no_protocol_of_ours_is_told_and_closed(tmp_path: Path) -> None:
    async def check() -> None:
        async with endpoint(tmp_path) as ours:
            async with connect(f"{ours.url}/CP1", subprotocols=[Subprotocol("ocpp1.5")]) as charger:
                await charger.wait_closed()
                assert charger.close_code == 1002

    run(check())


def test_a_charger_that_connects_again_takes_the_place_of_its_old_connection(tmp_path: Path) -> None:
    async def check() -> None:
        async with endpoint(tmp_path) as ours, charger16(ours.url) as old, charger16(ours.url) as charger:
            await boot16(charger)
            with pytest.raises(ConnectionClosed):
                await old._connection.recv()
            await ours.heard.wait_for_words("opened", "opened")

    run(check())


def test_no_more_chargers_come_in_than_a_site_may_have(tmp_path: Path) -> None:
    async def check() -> None:
        async with endpoint(tmp_path, most_chargers=1) as ours, charger16(ours.url, "CP1"):
            with pytest.raises(InvalidStatus) as refused:
                await connect(f"{ours.url}/CP2", subprotocols=OCPP16)
            assert refused.value.response.status_code == HTTPStatus.SERVICE_UNAVAILABLE
            async with charger16(ours.url, "CP1") as again:
                await boot16(again)

    run(check())


def test_the_end_of_the_endpoint_is_no_end_of_a_charger(tmp_path: Path) -> None:
    async def check() -> None:
        kept: list[Endpoint] = []
        async with endpoint(tmp_path) as ours:
            kept.append(ours)
            charger = await connect(f"ws://{HOST}:{ours.server.port}/ocpp/CP1", subprotocols=OCPP16)
        await charger.wait_closed()
        assert charger.close_code == 1001
        assert kept[0].heard.words() == ["opened", "cut"]

    run(check())


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tls.Certificate:
    """A certificate of this machine and its key."""
    return tls.certificate(tmp_path_factory.mktemp("tls"), "gateway")


def test_a_charger_connects_with_tls_and_its_password(tmp_path: Path, certificate: tls.Certificate) -> None:
    cert, key = certificate
    trusting = ssl.create_default_context(cafile=cert)

    async def check() -> None:
        headers = {"Authorization": "Basic Q1AxOnNlY3JldA=="}
        settings: dict[str, Any] = {
            "tls_cert": cert,
            "tls_key": key,
            "passwords": {"CP1": "secret"},
            "accept_unknown": True,
        }
        async with endpoint(tmp_path, **settings) as ours:
            url = ours.url.replace("ws:", "wss:")
            async with charger16(url, ssl=trusting, additional_headers=headers) as charger:
                await session16(charger)
            with pytest.raises(InvalidStatus):
                await connect(f"{url}/CP1", subprotocols=OCPP16, ssl=trusting)
            with pytest.raises(ssl.SSLCertVerificationError):
                await connect(f"{url}/CP1", subprotocols=OCPP16, ssl=ssl.create_default_context())

    run(check())


def test_the_back_office_is_reached_with_tls_only_where_its_certificate_is_trusted(
    tmp_path: Path, certificate: tls.Certificate
) -> None:
    cert, key = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)

    async def check() -> None:
        for ca_file, reached in ((cert, True), (None, False)):
            upstream = Backoffice(tls=context)
            await upstream.start()
            async with endpoint(tmp_path, upstream, ca_file=ca_file) as ours:
                if reached:
                    async with charger16(ours.url) as charger:
                        await session16(charger)
                else:
                    with pytest.raises(InvalidStatus) as refused:
                        await connect(f"{ours.url}/CP1", subprotocols=OCPP16)
                    assert refused.value.response.status_code == HTTPStatus.SERVICE_UNAVAILABLE

    run(check())
