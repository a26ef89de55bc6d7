"""How a charger says what it measured: metrics as JSON (wire contract, section 1), or OCPP 1.6 frames."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from edge_agent.wire.metrics import ConnectorStatus

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from edge_agent.simulator.sample import Sample

Kind = Literal["metrics", "ocpp", "ocpp/down"]

OCPP_CODES = {"EVSEContactorFault": "PowerSwitchFailure", "PowerLoss": "UnderVoltage"}
"""ChargeX names that OCPP 1.6 lacks, and what a 1.6 charger says instead."""
OCPP_STATUSES = {
    ConnectorStatus.AVAILABLE: "Available",
    ConnectorStatus.CHARGING: "Charging",
    ConnectorStatus.OCCUPIED: "Finishing",
    ConnectorStatus.FULLY_CHARGED: "SuspendedEV",
    ConnectorStatus.UNAVAILABLE: "Unavailable",
    ConnectorStatus.FAULTY: "Faulted",
}
BOOT_BACK_HOURS = 0.001


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a charger. kind: the last part of its topic. at: simulated time."""

    charger_id: str
    kind: Kind
    payload: bytes
    at: datetime


class Voice(Protocol):
    """Puts one charger's samples into words."""

    def say(self, sample: Sample) -> list[tuple[Kind, bytes]]:
        """Return the payloads that tell of the sample, in order; none where nothing is to be told."""
        ...


class MetricsVoice:
    """A charger whose gateway publishes whole measurements."""

    def __init__(self, stamp: Callable[[float], datetime]) -> None:
        self._stamp = stamp
        self._maintained_s: float | None = None
        self._maintained = ""

    def say(self, sample: Sample) -> list[tuple[Kind, bytes]]:
        # Written out by hand: a general encoder would take half of a simulation's time.
        codes = json.dumps(sample.codes) if sample.codes else "[]"
        told = (
            f'{{"charger_id":"{sample.charger_id}","connector_id":{sample.connector_id},'
            f'"connector_status":"{sample.status}","energy_delivered":{sample.energy_kwh:.3f},'
            f'"power":{sample.power_kw:.2f},"error_codes":{codes},'
            f'"uptime_hours":{sample.uptime_hours:.2f},"total_sessions":{sample.total_sessions},'
            f'"rated_power":{sample.rated_kw},"power_limit":{sample.limit_kw:.2f},'
            f'"ambient_temperature":{sample.ambient_c:.1f},"firmware":"{sample.firmware}",'
            f'"timestamp":"{self._stamp(sample.at_s).isoformat()}"'
        )
        if sample.requested_kw is not None:
            told += f',"power_requested":{sample.requested_kw:.1f}'
        if sample.soc is not None:
            told += f',"soc":{sample.soc:.1f}'
        if sample.temperature_c is not None:
            told += f',"temperature":{sample.temperature_c:.1f}'
        if sample.maintained_s is not None:
            if sample.maintained_s != self._maintained_s:
                self._maintained_s = sample.maintained_s
                self._maintained = self._stamp(sample.maintained_s).isoformat()
            told += f',"last_maintenance":"{self._maintained}"'
        return [("metrics", (told + "}").encode())]


class Ocpp16Voice:
    """A charger that speaks OCPP 1.6, and the back office that answers it. One voice a charger.

    Source: OCPP 1.6 edition 2, sections 4 and 6. The idTag is made up and always the same.
    """

    def __init__(self, stamp: Callable[[float], datetime]) -> None:
        self._stamp = stamp
        self._calls = 0
        self._transactions = 0
        self._uptime_hours = float("inf")
        self._shown: dict[int, tuple[str, str]] = {}
        self._running: dict[int, int] = {}

    def say(self, sample: Sample) -> list[tuple[Kind, bytes]]:
        return [
            *self._boot(sample),
            *self._transaction(sample),
            *self._status(sample),
            *self._meter(sample),
        ]

    def _boot(self, sample: Sample) -> list[tuple[Kind, bytes]]:
        booted = sample.uptime_hours < self._uptime_hours - BOOT_BACK_HOURS
        self._uptime_hours = sample.uptime_hours
        if not booted:
            return []
        self._shown.clear()
        boot = {
            "chargePointVendor": "Simulated",
            "chargePointModel": f"S{sample.rated_kw:g}",
            "firmwareVersion": sample.firmware,
        }
        answer = {"status": "Accepted", "currentTime": self._time(sample), "interval": 300}
        return self._asked("BootNotification", boot, answer)

    def _status(self, sample: Sample) -> list[tuple[Kind, bytes]]:
        code = OCPP_CODES.get(sample.codes[0], sample.codes[0]) if sample.codes else "NoError"
        shown = (OCPP_STATUSES[sample.status], code)
        if self._shown.get(sample.connector_id) == shown:
            return []
        self._shown[sample.connector_id] = shown
        told = {"connectorId": sample.connector_id, "status": shown[0], "errorCode": code}
        return self._asked("StatusNotification", {**told, "timestamp": self._time(sample)}, {})

    def _transaction(self, sample: Sample) -> list[tuple[Kind, bytes]]:
        connector, charging = sample.connector_id, sample.status is ConnectorStatus.CHARGING
        meter = {"timestamp": self._time(sample), "idTag": "SIMULATED"}
        if charging and connector not in self._running:
            self._transactions += 1
            self._running[connector] = self._transactions
            started = round(1000 * (sample.register_kwh - sample.energy_kwh))
            start = {**meter, "connectorId": connector, "meterStart": started}
            answer = {"transactionId": self._transactions, "idTagInfo": {"status": "Accepted"}}
            return self._asked("StartTransaction", start, answer)
        if not charging and connector in self._running:
            number = self._running.pop(connector)
            stop = {**meter, "transactionId": number, "meterStop": round(1000 * sample.register_kwh)}
            return self._asked("StopTransaction", stop, {})
        return []

    def _meter(self, sample: Sample) -> list[tuple[Kind, bytes]]:
        sampled = [_sampled("Energy.Active.Import.Register", round(1000 * sample.register_kwh), "Wh")]
        sampled.append(_sampled("Power.Active.Import", round(1000 * sample.power_kw), "W"))
        sampled.append(_sampled("Power.Offered", round(1000 * sample.limit_kw), "W"))
        if sample.temperature_c is not None:
            sampled.append(_sampled("Temperature", round(sample.temperature_c, 1), "Celsius"))
        if sample.soc is not None:
            sampled.append(_sampled("SoC", round(sample.soc, 1), "Percent"))
        values = [{"timestamp": self._time(sample), "sampledValue": sampled}]
        told: dict[str, Any] = {"connectorId": sample.connector_id, "meterValue": values}
        if sample.connector_id in self._running:
            told["transactionId"] = self._running[sample.connector_id]
        return self._asked("MeterValues", told, {})

    def _asked(self, action: str, told: dict[str, Any], answer: dict[str, Any]) -> list[tuple[Kind, bytes]]:
        """Return a call and the back office's answer to it."""
        self._calls += 1
        call = str(self._calls)
        return [("ocpp", _frame([2, call, action, told])), ("ocpp/down", _frame([3, call, answer]))]

    def _time(self, sample: Sample) -> str:
        return self._stamp(sample.at_s).isoformat().replace("+00:00", "Z")


def _sampled(measurand: str, value: float, unit: str) -> dict[str, str]:
    return {"value": str(value), "measurand": measurand, "unit": unit}


def _frame(parts: list[Any]) -> bytes:
    return json.dumps(parts, separators=(",", ":")).encode()
