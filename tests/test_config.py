"""The configuration: each fault in a sentence, all at once, and what is left out is sane."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from edge_agent.config import (
    DEFAULT_PATH,
    ChargerSection,
    Config,
    MappedSection,
    Section,
    load,
    passwords,
    secret,
)
from edge_agent.errors import ConfigError

SITE = 'site_id = "site-001"\n'


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def loaded(path: Path, text: str, environment: dict[str, str] | None = None) -> tuple[Config, list[str]]:
    path.write_text(text)
    return load(path, environment or {})


def faults(path: Path, text: str, environment: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        loaded(path, text, environment)
    return raised.value.faults


def test_a_site_id_is_all_that_is_needed(toml: Path) -> None:
    config, unknown = loaded(toml, SITE)
    assert unknown == []
    assert (config.gateway, config.prefix) == ("site-001", "evzone/v1/site-001")
    assert config.web.host == config.mqtt.host == "127.0.0.1"


def sections(section: type[Section]) -> list[type[Section]]:
    found = [section]
    for field in section.model_fields.values():
        inner = [each for each in (field.annotation, *get_args(field.annotation)) if isinstance(each, type)]
        found += [deep for each in inner if issubclass(each, Section) for deep in sections(each)]
    return found


NEEDED: dict[type[Section], dict[str, Any]] = {
    Config: {"site_id": "s"},
    MappedSection: {"topic": "x/{charger_id}", "fields": {"power": {}}},
}


def test_every_key_but_these_has_a_default_that_is_itself_valid() -> None:
    assert ChargerSection in sections(Config)
    for section in sections(Config):
        needed = [name for name, field in section.model_fields.items() if field.is_required()]
        told: dict[str, Any] = NEEDED.get(section, {})
        assert needed == list(told)
        made = section.model_validate(told)
        section.model_validate(made.model_dump())


def test_every_fault_is_told_at_once_by_its_place_and_what_it_is(toml: Path) -> None:
    told = faults(
        toml, '[mqtt]\nport = 99999\n[store]\ncommit_s = 0\n[maintenance]\ntime_zone = "Mars/Olympus"\n'
    )
    assert len(told) == 4
    assert told[0] == "site_id: is required"
    assert told[1].startswith("mqtt.port: ")
    assert "(it is 99999)" in told[1]
    assert told[2].startswith("store.commit_s: ")
    assert told[3].startswith("maintenance.time_zone: 'Mars/Olympus' is no time zone; write one such as")


def test_a_misspelt_key_is_told_together_with_the_faults_it_leads_to(toml: Path) -> None:
    assert faults(toml, 'site_di = "site-001"\n') == [
        "site_id: is required",
        "site_di: unknown key; did you mean 'site_id'?",
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[mqtt]\nhots = 'x'\n", "mqtt.hots: unknown key; did you mean 'host'?"),
        ("[stroe]\n", "stroe: unknown key; did you mean 'store'?"),
        ("[web]\nzzz = 1\n", "web.zzz: unknown key"),
        ("[chargers.C1]\nlable = 'x'\n", "chargers.C1.lable: unknown key; did you mean 'label'?"),
    ],
)
def test_an_unknown_key_is_told_with_the_nearest_known_one_and_still_starts(
    toml: Path, text: str, sentence: str
) -> None:
    assert loaded(toml, SITE + text)[1] == [sentence]


@pytest.mark.parametrize("text", ["chargers = 5", "mqtt = 5", "[chargers]\nC1 = 5\n", "mqtt = []"])
def test_a_value_where_a_section_belongs_is_a_fault_and_no_crash(toml: Path, text: str) -> None:
    assert len(faults(toml, SITE + text)) == 1


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("MQTT__HOST", "broker", lambda config: config.mqtt.host == "broker"),
        ("MQTT__PORT", "8883", lambda config: config.mqtt.port == 8883),
        ("MQTT__TLS", "true", lambda config: config.mqtt.tls),
        ("SITE_ID", "other", lambda config: config.site_id == "other"),
        ("STORE__PATH", "/data/s", lambda config: config.store.path == Path("/data/s")),
        ("CHARGERS__C1__LABEL", "x", lambda config: config.chargers["C1"].label == "x"),
    ],
)
def test_the_environment_overrides_the_file(
    toml: Path, name: str, text: str, found: Callable[[Config], bool]
) -> None:
    config, unknown = loaded(toml, SITE + '[mqtt]\nhost = "file"\n', {f"EDGE_AGENT__{name}": text})
    assert found(config)
    assert unknown == []


def test_the_environment_alone_is_enough() -> None:
    if DEFAULT_PATH.exists():
        pytest.skip("this machine has a configuration of its own")
    assert load(None, {"EDGE_AGENT__SITE_ID": "s"})[0].site_id == "s"


def test_what_else_is_in_the_environment_is_left_alone(toml: Path) -> None:
    assert loaded(toml, SITE, {"PATH": "/bin", "EDGE_AGENT_X": "y"})[1] == []


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"EDGE_AGENT__MQTT__PORT": "many"}, "mqtt.port: "),
        ({"EDGE_AGENT__MQTT__PORT": ""}, "mqtt.port: "),
        ({"EDGE_AGENT__MQTT": "x", "EDGE_AGENT__MQTT__HOST": "y"}, "mqtt: "),
    ],
)
def test_a_bad_override_is_a_fault_like_any_other(
    toml: Path, environment: dict[str, str], sentence: str
) -> None:
    assert any(each.startswith(sentence) for each in faults(toml, SITE, environment))


def test_an_override_of_a_key_that_there_is_not_is_told(toml: Path) -> None:
    unknown = loaded(toml, SITE, {"EDGE_AGENT__MQTT__HOTS": "x", "EDGE_AGENT__SITE_ID__X": "y"})[1]
    assert unknown == [
        "mqtt.hots: unknown key; did you mean 'host'?",
        "EDGE_AGENT__SITE_ID__X in the environment: site_id is no section",
    ]


def test_a_charger_keeps_the_case_of_its_id_in_the_environment(toml: Path) -> None:
    config, _ = loaded(toml, SITE, {"EDGE_AGENT__CHARGERS__CHG_001__LABEL": "Entrance"})
    assert list(config.chargers) == ["CHG_001"]


@pytest.mark.parametrize("text", ["site_id = ", "\x00", "= 1", '[a\n"'])
def test_what_is_no_toml_is_told_with_the_files_name(toml: Path, text: str) -> None:
    (told,) = faults(toml, text)
    assert told.startswith(f"{toml} is not TOML: ")


def test_bytes_that_are_no_text_are_no_toml(toml: Path) -> None:
    toml.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not TOML"):
        load(toml, {})


def test_a_file_that_is_not_there_or_is_a_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load(tmp_path / "none.toml", {})
    with pytest.raises(ConfigError, match="Is a directory"):
        load(tmp_path, {})


@pytest.mark.parametrize("name", ["", "a/b", "a b", "_mine", "a+b", "#", "x" * 65])
def test_a_site_id_that_no_topic_can_hold_is_refused(toml: Path, name: str) -> None:
    assert len(faults(toml, f'site_id = "{name}"\n')) == 1


@pytest.mark.parametrize("prefix", ["a/#", "a/+/b", "a b", ""])
def test_a_prefix_that_no_topic_can_hold_is_refused(toml: Path, prefix: str) -> None:
    assert len(faults(toml, f'{SITE}[mqtt]\nprefix = "{prefix}"\n')) == 1


def test_a_prefixs_slash_at_its_end_is_left_out(toml: Path) -> None:
    assert loaded(toml, f'{SITE}[mqtt]\nprefix = "a/b/"\n')[0].prefix == "a/b"


@pytest.mark.parametrize(
    "text",
    [
        "[store]\nraw_days = 1000000\n",
        "[store]\ncommit_s = inf\n",
        "[store]\ncommit_s = nan\n",
        "[offline]\nafter_s = inf\n",
        "[offline]\nafter_s = 1e300\n",
        "[offline]\nusual_gaps = inf\n",
        "[offline]\nstranger_s = inf\n",
        "[maintenance]\nlabour_cost = inf\n",
        "[web]\nrate_limit = inf\n",
    ],
)
def test_a_number_that_would_end_the_daemon_later_is_refused_at_once(toml: Path, text: str) -> None:
    assert len(faults(toml, SITE + text)) == 1


def test_a_secret_is_the_first_line_of_its_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("hunter2 \nmore\n")
    assert secret(file) == "hunter2"
    assert secret(None) is None


@pytest.mark.parametrize("content", [None, b"", b"\xff\xff"])
def test_a_secret_that_cannot_be_read_is_a_fault_that_names_the_file(
    tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=str(file)):
        secret(file)


def test_a_password_written_into_the_file_itself_is_not_repeated(toml: Path) -> None:
    _, (sentence,) = loaded(toml, SITE + '[mqtt]\npassword = "hunter2"\n')
    assert "hunter2" not in sentence
    assert "password_file" in sentence


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"host": "0.0.0.0", "passwords_file": "x"}, "TLS|tls_cert"),
        ({"host": "0.0.0.0", "tls_cert": "c", "tls_key": "k"}, "passwords_file"),
        ({"tls_cert": "c"}, "both"),
        ({"when_upstream_lost": "stand-in"}, "upstream_url"),
        ({"upstream_url": "http://central"}, "upstream_url"),
        ({"when_upstream_lost": "pray"}, "stand-in"),
    ],
)
def test_an_endpoint_that_would_be_open_or_makes_no_sense_is_refused(
    settings: dict[str, str], complaint: str, tmp_path: Path
) -> None:
    keys = "\n".join(f'{name} = "{value}"' for name, value in settings.items())
    (tmp_path / "c.toml").write_text(f'site_id = "s"\n[ocpp]\nenabled = true\n{keys}\n')
    with pytest.raises(ConfigError) as refused:
        load(tmp_path / "c.toml", {})
    assert re.search(complaint, str(refused.value))


def test_an_endpoint_may_be_open_where_somebody_says_so(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(
        'site_id = "s"\n[ocpp]\nenabled = true\nhost = "0.0.0.0"\ninsecure = true\n'
    )
    assert load(tmp_path / "c.toml", {})[0].ocpp.insecure


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [('host = "0.0.0.0"', "tls_cert"), ('host = "::"', "insecure = true"), ('tls_cert = "c"', "both")],
)
def test_the_lan_interface_off_loopback_needs_tls(keys: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(f'site_id = "s"\n[web]\n{keys}\n')
    with pytest.raises(ConfigError, match=complaint):
        load(tmp_path / "c.toml", {})


@pytest.mark.parametrize("keys", ["insecure = true", 'tls_cert = "c"\ntls_key = "k"'])
def test_the_lan_interface_may_be_open_with_tls_or_where_somebody_says_so(keys: str, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(f'site_id = "s"\n[web]\nhost = "0.0.0.0"\n{keys}\n')
    assert load(tmp_path / "c.toml", {})[0].web.host == "0.0.0.0"


def test_passwords_are_read_line_by_line_and_a_bad_line_is_named(tmp_path: Path) -> None:
    file = tmp_path / "passwords"
    file.write_text("# chargers\nCP1:a:b\n\nCP2:c\n")
    assert passwords(file) == {"CP1": "a:b", "CP2": "c"}
    file.write_text("CP1:a\nCP2\n")
    with pytest.raises(ConfigError, match="line 2"):
        passwords(file)
    with pytest.raises(ConfigError, match="cannot read"):
        passwords(tmp_path / "none")


def test_what_a_gateway_was_told_at_its_enrolment_counts_instead(toml: Path) -> None:
    enrolled = 'site_id = "site-7"\n[sync]\nenabled = true\nurl = "https://c.example"\ntoken_file = "/t"\n'
    toml.with_name("enrolment.toml").write_text(enrolled + "hots = 1\n")
    config, unknown = loaded(toml, SITE + '[sync]\nreadings = "all"\nurl = "https://other.example"\n')
    assert (config.site_id, config.sync.url, config.sync.readings) == ("site-7", "https://c.example", "all")
    assert unknown == ["sync.hots: unknown key"]
    assert loaded(toml, SITE, {"EDGE_AGENT__SITE_ID": "site-8"})[0].site_id == "site-8"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("mqtt = 5", "mqtt: write it as a section of its own, [mqtt] (it is 5)"),
        ("[mqtt]\nport = 99999", "mqtt.port: write 65535 at most (it is 99999)"),
        ('[mqtt]\nhost = ""', "mqtt.host: write something, or leave it out (it is '')"),
        ('[store]\nraw_days = "many"', "store.raw_days: write a whole number (it is 'many')"),
        ("[store]\nmax_bytes = -1", "store.max_bytes: write more than 0 (it is -1)"),
        ("[store]\npath = 7", "store.path: write the path of a file, in quotes (it is 7)"),
        ('[maintenance]\ncurrency = "euro"', "maintenance.currency: write it like 'EUR' (it is 'euro')"),
        (
            '[sync]\nreadings = "some"',
            "sync.readings: write 'all', 'changes' or 'none' (it is 'some')",
        ),
        (
            '[ocpp]\nupstream_url = "http://csms"',
            "ocpp.upstream_url: write it like 'wss://csms.example/ocpp' (it is 'http://csms')",
        ),
        ("[sync]\nenabled = true", "sync: url: say where to, or leave sync disabled"),
        ('[sources]\neverest = ["a/#"]', "sources.everest.0: write it like 'meters/CP1' (it is 'a/#')"),
        ('[web]\ninsecure = "maybe"', "web.insecure: write true or false (it is 'maybe')"),
    ],
)
def test_a_fault_says_what_to_write_instead(toml: Path, text: str, sentence: str) -> None:
    assert faults(toml, f"{SITE}{text}\n") == [sentence]
