"""What a reload changes in a running daemon, what waits, and that a faulty file changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from edge_agent.config import Config
from edge_agent.errors import BrokerError, ConfigError
from edge_agent.notify import ServiceManager
from edge_agent.reloading import Reloading, reloaded

SITE: dict[str, Any] = {"site_id": "S", "maintenance": {"labour_cost": 100.0}, "web": {"port": 8080}}


def config(**sections: object) -> Config:
    return Config.model_validate(SITE | sections)


class Daemon:
    """One whose file somebody edits."""

    def __init__(self) -> None:
        self.file: Config | ConfigError = config()
        self.holds: list[Config] = []
        self.refuses: BrokerError | None = None
        self.reloading = Reloading(config(), self._load, self._apply, ServiceManager({}))

    def reload(self, file: Config | ConfigError) -> None:
        self.file = file
        self.reloading.ask()
        self.reloading.look()

    def _load(self) -> tuple[Config, list[str]]:
        if isinstance(self.file, ConfigError):
            raise self.file
        return self.file, []

    def _apply(self, asked: Config) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.holds.append(asked)


def test_what_may_change_does_and_what_may_not_waits_and_both_are_named() -> None:
    asked = config(
        maintenance={"labour_cost": 140.0, "parts": {"cooling": {"cost": 10.0}}},
        web={"port": 8081},
        chargers={"A": {"label": "Left"}},
        store={"raw_days": 7, "path": "/elsewhere/store.sqlite"},
        gateway_id="gw",
    )
    holds, applied, waiting = reloaded(config(), asked)
    assert applied == ["store.raw_days", "chargers", "maintenance.labour_cost", "maintenance.parts"]
    assert waiting == ["gateway_id", "store.path", "web.port"]
    assert (holds.maintenance, holds.chargers, holds.store.raw_days) == (asked.maintenance, asked.chargers, 7)
    assert (holds.web.port, holds.store.path, holds.gateway_id) == (8080, config().store.path, None)


def test_nothing_changed_is_said_so() -> None:
    assert reloaded(config(), config()).told() == "no setting has changed"


def test_the_sentence_names_both_sorts() -> None:
    change = reloaded(config(), config(maintenance={"penalty": 5.0, "labour_cost": 100.0}, web={"port": 1}))
    assert change.told() == "applied: maintenance.penalty; takes effect at the next start: web.port"


def test_what_waited_is_named_again_by_the_next_reload() -> None:
    daemon = Daemon()
    daemon.reload(config(web={"port": 8081}))
    daemon.reload(config(web={"port": 8081}, offline={"after_s": 60.0}))
    assert [each.web.port for each in daemon.holds] == [8080, 8080]
    assert daemon.holds[-1].offline.after_s == 60.0


def test_a_faulty_file_changes_nothing_and_each_fault_is_told(caplog: pytest.LogCaptureFixture) -> None:
    daemon = Daemon()
    daemon.reload(ConfigError(["web.port: is no port", "site_id: is required"]))
    assert daemon.holds == []
    faults = [getattr(record, "fault", None) for record in caplog.records]
    assert faults == ["web.port: is no port", "site_id: is required"]


def test_what_cannot_be_applied_leaves_the_last_good_one_to_compare_with() -> None:
    daemon = Daemon()
    daemon.refuses = BrokerError("cannot use the broker's certificates")
    daemon.reload(config(offline={"after_s": 60.0}))
    daemon.refuses = None
    daemon.reload(config(offline={"after_s": 60.0}))
    assert [each.offline.after_s for each in daemon.holds] == [60.0]


def test_nobody_asked_and_nothing_is_read() -> None:
    daemon = Daemon()
    daemon.reloading.look()
    assert daemon.holds == []
