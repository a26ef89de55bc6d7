"""The bundle for support: what is left out by its place, and what is removed by its looks."""

from __future__ import annotations

import io
import json
from zipfile import ZipFile

import pytest

from edge_agent.bundle import archive, scrubbed, settings
from edge_agent.config import Config

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQ\nc2VjcmV0\n-----END CERTIFICATE-----"
TOLD = {
    "site_id": "site-001",
    "mqtt": {"host": "broker.example", "port": 8883, "username": "jane", "password_file": "/home/jane/pw"},
    "chargers": {"CHG_001": {"label": "Jane Doe's", "location": "Main Street 1", "rated_kw": 22}},
    "ocpp": {"upstream_url": "wss://cpo-user:hunter22@cpo.example/ocpp", "when_upstream_lost": "stand-in"},
    "webhook": {"url": "https://hooks.example/T0KEN-IN-PATH"},
    "maintenance": {"currency": "CHF", "time_zone": "Europe/Zurich", "holidays": ["2026-12-25"]},
    "sources": {
        "mapped": {"depot": {"topic": "depot/{charger_id}", "fields": {"power": {"at": "/p", "unit": "W"}}}}
    },
}


def shown(archived: bytes) -> dict[str, str]:
    with ZipFile(io.BytesIO(archived)) as zipped:
        return {name: zipped.read(name).decode() for name in zipped.namelist()}


def test_of_the_settings_numbers_choices_and_defaults_are_shown_and_of_texts_that_they_are_set() -> None:
    told = settings(Config.model_validate(TOLD), set())
    assert told["site_id"] == "site-001"
    assert (told["mqtt"]["host"], told["mqtt"]["port"], told["mqtt"]["ca_file"]) == ("(set)", 8883, None)
    assert told["chargers"]["CHG_001"] == {
        "label": "(set)",
        "location": "(set)",
        "rated_kw": 22.0,
        "warranty_until": None,
    }
    assert told["ocpp"]["when_upstream_lost"] == "stand-in"
    assert (told["maintenance"]["currency"], told["maintenance"]["holidays"]) == ("CHF", ["2026-12-25"])
    assert told["sources"]["mapped"]["depot"]["fields"]["power"] == {"at": "(set)", "unit": "W", "values": {}}
    assert told["store"]["path"] == "/var/lib/edge-agent/store.sqlite"


def test_what_the_settings_hide_is_removed_everywhere_else_too() -> None:
    hidden: set[str] = set()
    settings(Config.model_validate(TOLD), hidden)
    said = "FAULT  broker  broker.example:8883: cpo.example refused cpo-user, hunter22 of Jane Doe's"
    text = shown(archive({"check": said}, hidden))["check.txt"]
    assert not any(each in text for each in ("broker.example", "cpo", "hunter22", "Jane"))
    assert text.startswith("FAULT  broker  (removed):8883")


@pytest.mark.parametrize(
    "secret",
    [
        "evz_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I",
        "evzgw_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I",
        "00:1A:2b:3C:4d:5E",
        "00-1A-2B-3C-4D-5E",
        "001A2B3C4D5E",
        "WVWZZZ1JZXW000001",
        "DE-8AA-CA2B3C4D5-X",
        "DE8AACA2B3C4D5",
        CERTIFICATE,
        CERTIFICATE.replace("\n", "\\n"),
        "Bearer abcdef123456",
        "Authorization: Basic amFuZTpodW50ZXIy",
        'authorization\\":\\"amFuZTpodW50ZXIy',
        "A" * 40 + "b/" * 30,
    ],
)
def test_what_looks_like_a_secret_or_a_person_is_removed(secret: str) -> None:
    told = scrubbed(f"it says {secret}, and goes on")
    assert told.startswith("it says ")
    assert told.endswith(", and goes on")
    assert not any(part in told for part in secret.replace("\\n", "\n").split() if len(part) > 14)
    assert "(removed)" in told


@pytest.mark.parametrize(
    "harmless",
    [
        "CONNECTOR_LOCK_FAILURE at CHG_001, 2026-03-04T12:00:00.123456Z",
        "alert 0d4ff4a1-7a3c-8b1e-9d55-0123456789ab is open",
        "basic failure_predictor v1.0.0, 127.0.0.1:8080",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "chargers/CHG_001/metrics: connector_status: Input should be 'AVAILABLE'",
    ],
)
def test_what_support_needs_stays(harmless: str) -> None:
    assert scrubbed(harmless) == harmless


def test_in_a_log_what_is_named_for_people_is_masked_and_the_rest_stays() -> None:
    line = (
        '2026-03-04 edge-agent[7]: {"event": "frame", "idTag": "TAG-1", "frame": "[2,{\\"vin\\":\\"V1\\"}]"}'
    )
    text = shown(archive({"log": f"{line}\nno JSON {{here"}))["log.txt"]
    assert "TAG-1" not in text
    assert "V1" not in text
    assert text.startswith('2026-03-04 edge-agent[7]: {"event":"frame"')
    assert text.endswith("no JSON {here\n")


def test_a_file_of_json_stays_json() -> None:
    told = {"metadata": {"idTag": "TAG-1", "note": f"key evz_{'k' * 43} and Bearer abcdefg1"}, "power": 7.2}
    assert json.loads(shown(archive({"x": told}))["x.json"]) == {
        "metadata": {"idTag": "(removed)", "note": "key (removed) and Bearer (removed)"},
        "power": 7.2,
    }
