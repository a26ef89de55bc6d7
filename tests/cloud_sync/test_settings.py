"""The central side's settings, and the page that lists them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cloud_sync.central import tokens
from cloud_sync.central.settings import Settings, load
from edge_agent.errors import ConfigError

PAGE = Path(__file__).parents[2] / "packaging/central/README.md"
ROW = re.compile(r"^\| `([A-Z_]+)` \| (?:`(.*)`)? ?\|", re.MULTILINE)


def test_the_page_lists_every_setting_with_its_default_and_no_other() -> None:
    known = {
        f"{section}__{name}".upper(): ""
        if value is None
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
        for section, settings in Settings()
        for name, value in settings
    }
    assert dict(ROW.findall(PAGE.read_text())) == known


def test_settings_come_from_the_environment_and_nothing_else_does() -> None:
    told = load({"CLOUD_SYNC__KAFKA__BROKERS": "a:1,b:2", "CLOUD_SYNC__SINK__BATCH": "7", "PATH": "/bin"})
    assert told.kafka.brokers == "a:1,b:2"
    assert told.sink.batch == 7


def test_a_tokens_file_that_cannot_be_written_is_told() -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        tokens.add(Path("/proc/none/tokens.json"), "site-1", "gw-1", None)


def test_each_fault_is_told_by_the_variable_s_name() -> None:
    with pytest.raises(ConfigError) as caught:
        load({"CLOUD_SYNC__INGEST__PORT": "0", "CLOUD_SYNC__KAFKA__BORKERS": "x"})
    told = " ".join(caught.value.faults)
    assert "CLOUD_SYNC__INGEST__PORT" in told
    assert "CLOUD_SYNC__KAFKA__BORKERS" in told
