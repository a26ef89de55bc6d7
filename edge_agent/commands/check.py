"""`edge-agent check`: is everything in order? A line for each thing, and what to do where it is not."""

from __future__ import annotations

import json
import os
import socket
import ssl
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from edge_agent.adapters.mqtt import try_connection
from edge_agent.adapters.onnx import load_anomaly, load_failure
from edge_agent.adapters.sqlite import SqliteReader
from edge_agent.adapters.web.keys import KeyRing
from edge_agent.clock import SystemClock
from edge_agent.commands.findings import Finding, show
from edge_agent.commands.local import client
from edge_agent.config import Config, load, passwords, secret
from edge_agent.errors import ConfigError, EdgeAgentError
from edge_agent.service import broker_settings, registry, releases
from edge_agent.sources import Received

if TYPE_CHECKING:
    from collections.abc import Callable

BROKER_WAIT_S = UPSTREAM_WAIT_S = 5.0


def check(config_path: Path | None) -> int:
    """Look at everything the daemon needs; return 0 where all is in order, else 1."""
    try:
        config, unknown = load(config_path)
    except ConfigError as error:
        for fault in error.faults:
            show("configuration", Finding("", fault))
        return 1
    findings = [("configuration", Finding("", sentence)) for sentence in unknown] or [
        ("configuration", Finding(f"site {config.site_id}, gateway {config.gateway}"))
    ]
    for name, look in LOOKS.items():
        findings.append((name, _looked(look, config)))
    for name, finding in findings:
        show(name, finding)
    return int(any(finding.fault is not None for _, finding in findings))


def check_configuration(config_path: Path | None) -> int:
    """Look whether the configuration and its secrets could be loaded now. Raises ConfigError, BrokerError."""
    config, unknown = load(config_path)
    broker_settings(config, registry(config))
    passwords(config.ocpp.passwords_file)
    for sentence in unknown:
        show("configuration", Finding("", sentence))
    print(f"the configuration of site {config.site_id} has no faults")
    return 0


def check_daemon(config_path: Path | None) -> int:
    """Look whether the daemon on this machine serves.

    Raises ConfigError, and EdgeAgentError where it does not.
    """
    config, _ = load(config_path)
    with client(config.web) as agent:
        try:
            agent.get("/health").raise_for_status()
        except httpx.HTTPError as error:
            raise EdgeAgentError(
                f"the daemon does not serve at {agent.base_url} ({error}): is `edge-agent run` running?"
            ) from error
        print(f"the daemon serves at {agent.base_url}")
    return 0


def show_sample(config_path: Path | None, topic: str, payload_path: Path | None) -> int:
    """Print what a message on a topic would become; return 0 where it is understood, else 1.

    payload_path: None: the payload comes on standard input.
    Raises: ConfigError where the configuration cannot be used, EdgeAgentError where the payload cannot be.
    """
    config, _ = load(config_path)
    try:
        payload = sys.stdin.buffer.read() if payload_path is None else payload_path.read_bytes()
    except OSError as error:
        raise EdgeAgentError(f"cannot read {payload_path}: {error.strerror}") from error
    decoded = registry(config).decode(Received(topic, payload, datetime.now(UTC)))
    for reading in decoded.readings:
        told = reading.metrics.model_dump(mode="json", exclude_unset=True)
        rest = {
            "measured_at": reading.measured_at and reading.measured_at.isoformat(),
            "event": reading.event,
            "register_kwh": reading.register_kwh,
            "raised": list(reading.raised),
            "cleared": list(reading.cleared),
        }
        of = f"{reading.charger_id} {'' if reading.connector_id is None else reading.connector_id}"
        shown = {**told, **{name: value for name, value in rest.items() if value}}
        print(f"reading   {of}  {json.dumps(shown) if shown else 'it lives, and says no more'}")
    for ignored in decoded.ignored:
        print(f"ignored   {ignored}")
    for rejected in decoded.rejected:
        print(f"rejected  {rejected.reason}")
    return int(bool(decoded.rejected))


def _looked(look: Callable[[Config], Finding], config: Config) -> Finding:
    try:
        return look(config)
    except EdgeAgentError as error:
        return Finding("", "; ".join(getattr(error, "faults", [str(error)])))


def _store(config: Config) -> Finding:
    path = config.store.path
    if not path.exists():
        folder = next(parent for parent in path.parents if parent.exists())
        if not os.access(folder, os.W_OK):
            return Finding(
                "", f"{folder} is not writable for this user: be the agent's, or change [store] path"
            )
        return Finding(f"{path} will be made at the first start")
    faults = SqliteReader(path).faults()
    if faults:
        return Finding("", f"{path} is damaged: {faults[0]}; a start sets it aside and begins a new one")
    return Finding(f"{path} is sound")


def _models(config: Config) -> Finding:
    known = releases(config)
    directory = known.directory(known.rollout().judging)
    versions = load_failure(directory).version, load_anomaly(directory).version
    told = f"failure predictor {versions[0]}, anomaly detector {versions[1]}: golden answers agree"
    if config.models.repository_url and not config.models.root.exists():
        return Finding("", f"{told}; [models] repository_url needs {config.models.root}, and there is none")
    return Finding(told)


def _certificates(config: Config) -> Finding:
    web = config.web
    if web.tls_cert is None or web.tls_key is None:
        return Finding(
            "the page is served without TLS" + ("" if web.host == "127.0.0.1" else f" on {web.host}")
        )
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(web.tls_cert, web.tls_key)
    except OSError as error:
        return Finding("", f"[web] tls_cert and tls_key do not fit: {error}")
    return Finding(f"{web.tls_cert} fits its key")


def _keys(config: Config) -> Finding:
    entries = KeyRing(config.web.keys_file).list()
    if not entries:
        return Finding("", "nobody can get in yet: make a key with `edge-agent keys add technician`")
    return Finding("1 key" if len(entries) == 1 else f"{len(entries)} keys")


def _broker(config: Config) -> Finding:
    settings = broker_settings(config, registry(config))
    place = f"{settings.host}:{settings.port}"
    refusal = try_connection(settings, BROKER_WAIT_S)
    return Finding(f"{place} lets us in") if refusal is None else Finding("", f"{place}: {refusal}")


def _ocpp(config: Config) -> Finding:
    """Where chargers connect, and whether their back office can be reached; nobody is spoken for."""
    told = config.ocpp
    if not told.enabled:
        return Finding("the endpoint for chargers is off")
    count = len(passwords(told.passwords_file))
    place = f"ws{'' if told.tls_cert is None else 's'}://{told.host}:{told.port}/ocpp/"
    if told.upstream_url is None:
        return Finding(f"{place}, no back office behind it, {count} passwords")
    upstream = urlsplit(told.upstream_url)
    try:
        port = upstream.port or (443 if upstream.scheme == "wss" else 80)
        socket.create_connection((upstream.hostname or "", port), UPSTREAM_WAIT_S).close()
    except (OSError, ValueError) as error:
        return Finding("", f"[ocpp] upstream_url {told.upstream_url} cannot be reached: {error}")
    return Finding(f"{place} relays to {told.upstream_url}; upstream lost: {told.when_upstream_lost}")


def _uplink(config: Config) -> Finding:
    """Where things go up to, and whether it answers; nothing is sent."""
    told = config.sync
    if not told.enabled or told.url is None:
        return Finding("nothing goes up: [sync] is off")
    secret(told.token_file)
    try:
        answer = httpx.get(
            f"{told.url.rstrip('/')}/health",
            verify=ssl.create_default_context(cafile=told.ca_file)
            if told.url.startswith("https:")
            else False,
            proxy=told.proxy,
            trust_env=False,
            timeout=UPSTREAM_WAIT_S,
        )
    except (httpx.HTTPError, OSError) as error:
        return Finding("", f"[sync] {told.url} cannot be reached: {error}")
    if not answer.is_success:
        return Finding(
            "", f"[sync] {told.url} answers {answer.status_code} to /health: is it the ingest's address?"
        )
    return Finding(f"{told.url} answers; readings: {told.readings}")


def _clock(_config: Config) -> Finding:
    trust = SystemClock().trust()
    if trust == "trusted":
        return Finding("kept by a time service")
    return Finding("no time service keeps it: readings are ordered, but their dates may be wrong")


LOOKS: dict[str, Callable[[Config], Finding]] = {
    "store": _store,
    "models": _models,
    "certificates": _certificates,
    "keys": _keys,
    "broker": _broker,
    "ocpp": _ocpp,
    "uplink": _uplink,
    "clock": _clock,
}
