"""The command line: exit codes, what is said, and that nothing of it is a traceback."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from edge_agent import __version__
from edge_agent.cli import EXAMPLES, main, parser


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.toml"
    file.write_text(
        f'site_id = "site-001"\n[store]\npath = "{tmp_path}/store/s.sqlite"\n'
        f'[web]\nkeys_file = "{tmp_path}/keys.json"\n[mqtt]\nport = 1\n[models]\ndir = "{tmp_path}/models"\n'
    )
    return file


def refused(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    code = ended.value.code
    assert isinstance(code, int)
    return code


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["dance"],
        ["keys"],
        ["keys", "add", "king"],
        ["replay"],
        ["demo", "--chargers", "0"],
        ["demo", "--chargers", "many"],
        ["demo", "--speed", "nan"],
        ["demo", "--speed", "1e9"],
    ],
    ids=" ".join,
)
def test_what_is_asked_wrongly_ends_with_2_and_how_to_ask(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(*arguments) == 2
    assert "usage: edge-agent" in capsys.readouterr().err


def test_a_port_that_there_is_not_is_asked_wrongly() -> None:
    assert refused("demo", "--port", "99999") == 2


def test_help_ends_with_0_and_shows_an_example_of_each_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert refused("--help") == 0
    text = capsys.readouterr().out
    assert EXAMPLES in text
    for command in ("demo", "check", "run", "keys", "status", "replay"):
        assert f"  {command} " in text
        assert f" {command}" in EXAMPLES


def examples() -> list[list[str]]:
    lines = [line.split("   ")[0].strip() for line in EXAMPLES.splitlines()[1:]]
    return [shlex.split(line)[1:] for line in lines]


@pytest.mark.parametrize("arguments", examples(), ids=" ".join)
def test_every_example_of_the_help_is_understood(arguments: list[str]) -> None:
    assert parser().parse_args(arguments).command in arguments


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert refused("--version") == 0
    assert capsys.readouterr().out == f"edge-agent {__version__}\n"


@pytest.mark.parametrize("command", [["run"], ["check"], ["status"], ["keys", "list"]], ids=" ".join)
def test_a_configuration_that_cannot_be_used_ends_with_1_and_a_sentence_for_each_fault(
    command: list[str], tmp_path: Path
) -> None:
    """In a process of its own: `run` sets the log up."""
    file = tmp_path / "c.toml"
    file.write_text("[mqtt]\nport = 0\nhots = 1\n")
    done = subprocess.run(
        [sys.executable, "-m", "edge_agent", "--config", str(file), *command],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    told = done.stdout + done.stderr
    assert done.returncode == 1
    assert "Traceback" not in told
    assert "site_id: is required" in told
    assert "mqtt.port: " in told
    assert "mqtt.hots: unknown key; did you mean 'host'?" in told


def test_a_file_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--config", "/nowhere/c.toml", "check"]) == 1
    assert "cannot read /nowhere/c.toml" in capsys.readouterr().out


def test_status_before_the_first_start_says_what_to_do(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--config", str(config), "status"]) == 1
    assert "edge-agent run" in capsys.readouterr().out


# Keys


def test_a_key_is_shown_once_listed_without_itself_and_revoked(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--config", str(config), "keys"]
    assert main([*asked, "list"]) == 0
    assert "there are no keys yet" in capsys.readouterr().out
    assert main([*asked, "add", "technician", "--label", "tablet"]) == 0
    first, key = capsys.readouterr().out.splitlines()
    key_id = first.split()[1]
    assert main([*asked, "list"]) == 0
    listed = capsys.readouterr().out
    assert key_id in listed
    assert "technician" in listed
    assert "tablet" in listed
    assert key not in listed
    assert main([*asked, "revoke", key_id]) == 0
    assert main([*asked, "revoke", key_id]) == 1
    assert f"there is no key {key_id}" in capsys.readouterr().out


# Check


def lines(text: str) -> dict[str, tuple[str, str]]:
    """Return (mark, what is told) by the thing that was looked at."""
    told = {}
    for line in text.splitlines():
        mark, name, rest = line.split(maxsplit=2)
        told[name] = (mark, rest)
    return told


def test_check_has_a_line_for_each_thing_and_ends_with_1_where_one_is_wrong(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--config", str(config), "check"]) == 1
    told = lines(capsys.readouterr().out)
    assert set(told) == {
        "configuration",
        "store",
        "models",
        "certificates",
        "keys",
        "broker",
        "ocpp",
        "uplink",
        "clock",
    }
    assert {name for name, (mark, _) in told.items() if mark == "FAULT"} == {"models", "keys", "broker"}
    assert "keys add" in told["keys"][1]
    assert "cannot be reached" in told["broker"][1]


def test_check_tells_whether_the_back_office_can_be_reached(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = config.read_text()
    for section, mark, told in (
        ("", "ok", "the endpoint for chargers is off"),
        ("[ocpp]\nenabled = true\n", "ok", "no back office behind it, 0 passwords"),
        ('[ocpp]\nenabled = true\nupstream_url = "ws://127.0.0.1:1/c"\n', "FAULT", "cannot be reached"),
        ('[ocpp]\nenabled = true\npasswords_file = "/none"\n', "FAULT", "cannot read the passwords"),
    ):
        config.write_text(text + section)
        main(["--config", str(config), "check"])
        line = lines(capsys.readouterr().out)["ocpp"]
        assert line[0] == mark
        assert told in line[1]


def test_check_tells_whether_the_central_service_can_be_reached(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token = tmp_path / "token"
    up = f'[sync]\nenabled = true\nurl = "http://127.0.0.1:1"\ntoken_file = "{token}"\n'
    text = config.read_text()

    def looked(section: str) -> tuple[str, str]:
        config.write_text(text + section)
        main(["--config", str(config), "check"])
        return lines(capsys.readouterr().out)["uplink"]

    assert looked("") == ("ok", "nothing goes up: [sync] is off")
    mark, told = looked(up)
    assert (mark, "cannot read the secret" in told) == ("FAULT", True)
    token.write_text("t")
    mark, told = looked(up)
    assert (mark, "cannot be reached" in told) == ("FAULT", True)


def test_check_makes_no_store_and_no_folder(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--config", str(config), "check"])
    assert "will be made at the first start" in capsys.readouterr().out
    assert not (config.parent / "store").exists()


def test_check_finds_a_damaged_store(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (config.parent / "store").mkdir()
    (config.parent / "store" / "s.sqlite").write_bytes(b"not a database" * 1_000)
    main(["--config", str(config), "check"])
    mark, told = lines(capsys.readouterr().out)["store"]
    assert mark == "FAULT"
    assert "damaged" in told


def test_check_finds_an_unknown_key_and_a_certificate_that_does_not_fit(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pem = config.parent / "x.pem"
    pem.write_text("no certificate")
    config.write_text(
        config.read_text().replace("[web]", f'[web]\ntls_cert = "{pem}"\ntls_key = "{pem}"\nhots = 1')
    )
    assert main(["--config", str(config), "check"]) == 1
    told = lines(capsys.readouterr().out)
    assert told["configuration"] == ("FAULT", "web.hots: unknown key; did you mean 'host'?")
    assert told["certificates"][0] == "FAULT"


def test_check_finds_a_certificate_without_its_key(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(config.read_text().replace("[web]", '[web]\ntls_cert = "/x.pem"'))
    main(["--config", str(config), "check"])
    mark, told = lines(capsys.readouterr().out)["configuration"]
    assert mark == "FAULT"
    assert "tls_key" in told


def test_a_command_that_a_package_leaves_out_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "edge_agent.commands.demo", None)
    assert main(["demo"]) == 1
    assert "demo is not in this package; run it from a checkout" in capsys.readouterr().err
