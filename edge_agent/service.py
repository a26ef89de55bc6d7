"""The composition root: builds the parts, starts them, watches over them, stops them. It decides nothing."""

from __future__ import annotations

import logging
import secrets
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from edge_agent.adapters.mqtt import BrokerSettings, MqttBroker
from edge_agent.adapters.onnx import load_anomaly, load_failure, release_of
from edge_agent.adapters.prometheus import registry as prometheus_registry
from edge_agent.adapters.releases import ReleaseFolder
from edge_agent.adapters.sqlite import SqliteLedger, SqliteReader, SqliteStore, StoreBounds
from edge_agent.adapters.web.app import create_app
from edge_agent.adapters.web.keys import KeyRing
from edge_agent.adapters.web.server import WebServer
from edge_agent.adapters.web.settings import WebSettings
from edge_agent.config import WEEKDAYS, passwords, secret
from edge_agent.core.pipeline import Site
from edge_agent.core.rollout import Bounds
from edge_agent.core.silence import Patience
from edge_agent.core.terms import PARTS, Terms
from edge_agent.desk import Desk
from edge_agent.desk import Sources as DeskSources
from edge_agent.errors import ModelError
from edge_agent.health import DISABLED, gateway_alerts
from edge_agent.ingest.inbox import Inbox
from edge_agent.ingest.parts import Manners, Parts
from edge_agent.ingest.publisher import CONSUMER, Publisher
from edge_agent.ingest.tap import Tap
from edge_agent.ingest.thread import Ingest
from edge_agent.ingest.upward import Upward
from edge_agent.notify import ServiceManager
from edge_agent.overview import Operator, Plate
from edge_agent.records import Looks, Records
from edge_agent.shelf import Loaders, Shelf
from edge_agent.sources import envelopes, evcc, everest, goe, mapped, openevse
from edge_agent.sources.mapped import Device
from edge_agent.sources.pseudonyms import Pseudonyms
from edge_agent.sources.registry import Registry
from edge_agent.supervisor import Supervisor, Task
from edge_agent.updating import Updating
from edge_agent.wire.home_assistant import House
from edge_agent.wire.outbox import Stream
from edge_agent.wire.rest import RecordedMessage

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloud_sync.uplink import Uplink, UplinkSettings
    from edge_agent.adapters.ocpp_ws import OcppServer, OcppSettings
    from edge_agent.adapters.scheduler import Scheduler
    from edge_agent.adapters.webhook import Webhook
    from edge_agent.clock import SystemClock
    from edge_agent.config import Config, MappedSection, PartSection
    from edge_agent.core.terms import Part
    from edge_agent.ports import Message

log = logging.getLogger(__name__)

UPLINK, WEBHOOK = "uplink", "webhook"
"""The outbox's consumers besides MQTT."""
LEDGER = "ledger.sqlite"
"""Beside the store: what is owed to upstream may name people, and is kept apart."""
LISTEN_EVERY_S = 5.0
SUGGEST_EVERY_S = 60.0
LEARN_EVERY_S = 3_600.0
GATEWAY_EVERY_S = 60.0
MODELS_EVERY_S = 5.0
STATUS_EVERY_S = 60.0
STATISTICS_EVERY_S = 600.0
SUM_UP_EVERY_S = 120.0
TRIM_EVERY_S = 600.0
LOOK_EVERY_S = 1.0
SLOW_S = 90.0
"""The broker's thread waits so long, at most, between two attempts."""


class Service:
    """One running agent."""

    def __init__(self, config: Config, clock: SystemClock, manager: ServiceManager) -> None:
        """Build all parts and open the store. Raises ConfigError, StoreError, BrokerError."""
        self._clock = clock
        self._manager = manager
        self._looks: list[Callable[[], None]] = []
        self._inbox = Inbox()
        known = releases(config)
        self._shelf = shelf(known)
        self._updating = Updating(known, self._shelf, clock, bounds(config))
        self._store = SqliteStore(config.store.path, store_bounds(config), clock.now())
        self._registry = registry(config)
        self._broker = MqttBroker(broker_settings(config, self._registry), self._inbox)
        self._publisher = Publisher(self._broker, self._store, config.prefix, house(config))
        self._ingest = Ingest(self._parts(), site(config), manners(config))
        self._tap = Tap(self._inbox, config.prefix, clock.now)
        self._ocpp = self._ocpp_server(config)
        self._uplink = self._uplink_of(config)
        self._webhook = self._webhook_of(config)
        self.web = self._web_server(config)
        self.supervisor = Supervisor(self._tasks())

    def add(self, task: Task) -> None:
        """Have one more task run with the rest; before `run`."""
        self.supervisor.add(task)

    def run(self) -> int:
        """Serve until asked to stop; return the exit code. Call `bind` before."""
        self._updating.start()
        self._ingest.restore()
        self._tell_of_damage()
        self.supervisor.start()
        scheduler = self._scheduler()
        self._watch(scheduler)
        self._manager.stopping()
        scheduler.stop()
        self.supervisor.stop()
        self._store.close()
        return 0 if self.supervisor.failed is None else 1

    def apply(self, config: Config) -> None:
        """Let a configuration hold that differs in live keys alone; read certificates and secrets again.

        Raises ConfigError, BrokerError; nothing has changed then but certificates that could be read.
        """
        told, secret_now = operator(config), secret(config.mqtt.password_file)
        known_passwords = passwords(config.ocpp.passwords_file)
        self.web.renew()
        if self._ocpp is not None:
            self._ocpp.renew(known_passwords)
        self._broker.renew(config.mqtt.username, secret_now)
        self._desk.operator = self._records.operator = told
        self._updating.bounds = bounds(config)
        self._inbox.order(partial(self._ingest.behave, manners(config)))
        self._inbox.order(partial(setattr, self._store, "bounds", store_bounds(config)))

    def each_second(self, look: Callable[[], None]) -> None:
        """Have the main thread look at something each second; before `run`."""
        self._looks.append(look)

    def _watch(self, scheduler: Scheduler) -> None:
        """Until the end: tell systemd that all makes progress, and look whether the clock was set."""
        started_s, steps, ready = self._clock.monotonic(), self._clock.look(), False
        while not self.supervisor.wait(LOOK_EVERY_S):
            hanging = self.supervisor.hanging(self._clock.monotonic())
            if hanging:
                log.error("threads make no progress", extra={"tasks": hanging})
            else:
                self._manager.alive()
            if not ready and self.supervisor.turned(started_s):
                ready = True
                self._manager.ready()
            for look in self._looks:
                look()
            seen, steps = steps, self._clock.look()
            if steps != seen:
                self._clock_stepped(scheduler)

    def _clock_stepped(self, scheduler: Scheduler) -> None:
        log.warning("the wall clock was set")
        scheduler.clock_stepped()
        self._inbox.tell(self._ingest.clock_stepped)

    def _tell_of_damage(self) -> None:
        store = self._store
        if store.set_aside is not None:
            log.error("the store was corrupt; a new one is begun", extra={"set_aside": str(store.set_aside)})
        if store.unreadable:
            log.error("rows of the store cannot be read", extra={"rows": dict(store.unreadable)})

    def _parts(self) -> Parts:
        return Parts(
            self._inbox, self._store, self._broker, self._registry, self._shelf, self._publisher, self._clock
        )

    def _tasks(self) -> list[Task]:
        uplink, webhook = self._uplink, self._webhook
        return [
            Task("broker", self._broker.run, self._broker.stop, lambda: self._broker.turned_s, SLOW_S),
            Task("pipeline", self._ingest.run, self._ingest.stop, lambda: self._ingest.turned_s),
            Task("server", self.web.run, self.web.stop, lambda: self.web.alive_at),
            *([] if uplink is None else [Task("uplink", uplink.run, uplink.stop)]),
            *([] if webhook is None else [Task("webhook", webhook.run, webhook.stop)]),
        ]

    def _uplink_of(self, config: Config) -> Uplink | None:
        if not config.sync.enabled:
            return None
        from cloud_sync.uplink import Uplink  # noqa: PLC0415 - httpx is 50 ms that others can do without

        outbox = self._outbox_of(UPLINK, config)
        return Uplink(uplink_settings(config), outbox, lambda: self._clock.trust() != "unsynced")

    def _webhook_of(self, config: Config) -> Webhook | None:
        told = config.webhook
        if told.url is None:
            return None
        from edge_agent.adapters.webhook import Webhook, WebhookSettings  # noqa: PLC0415 - as above

        settings = WebhookSettings(url=told.url, secret_file=told.secret_file, ca_file=told.ca_file)
        return Webhook(settings, self._outbox_of(WEBHOOK, config))

    def _outbox_of(self, consumer: str, config: Config) -> Upward:
        return Upward(consumer, self._inbox, self._ingest, SqliteReader(config.store.path).records_after)

    def _scheduler(self) -> Scheduler:
        from edge_agent.adapters.scheduler import Scheduler  # noqa: PLC0415 - 50 ms that a start can do without

        order, ingest = self._inbox.order, self._ingest
        scheduler = Scheduler(
            {
                "listen": (LISTEN_EVERY_S, partial(order, ingest.listen)),
                "suggest": (SUGGEST_EVERY_S, partial(order, ingest.suggest)),
                "learn": (LEARN_EVERY_S, partial(order, ingest.learn)),
                "gateway": (GATEWAY_EVERY_S, self._look_at_gateway),
                "models": (MODELS_EVERY_S, partial(self._updating.look, partial(order, ingest.swapped))),
                "status": (STATUS_EVERY_S, partial(order, ingest.tell_status)),
                "statistics": (STATISTICS_EVERY_S, partial(order, ingest.tell_statistics)),
                "sum_up": (SUM_UP_EVERY_S, partial(order, ingest.sum_up)),
                "trim": (TRIM_EVERY_S, partial(order, ingest.trim)),
            }
        )
        scheduler.start()
        return scheduler

    def _look_at_gateway(self) -> None:
        found = gateway_alerts(self._desk.health())
        self._inbox.order(partial(self._ingest.tell_of_gateway, found))

    def _web_server(self, config: Config) -> WebServer:
        reader, told = SqliteReader(config.store.path), operator(config)
        self._desk = desk = Desk(
            DeskSources(
                self._ingest,
                self._inbox,
                self._shelf,
                self._clock,
                reader.usage,
                partial(
                    _under_other_names, self._registry, Pseudonyms(secrets.token_bytes(32), config.prefix)
                ),
                rollout=self._updating.rollout,
            ),
            told,
        )
        looks = Looks(lambda: self._ingest.view, self._ingest.counts, self._uplink_health)
        settings = WebSettings(
            host=config.web.host,
            port=config.web.port,
            rate_limit=config.web.rate_limit,
            tls_cert=config.web.tls_cert,
            tls_key=config.web.tls_key,
        )
        shown = prometheus_registry(self._ingest.counts, self._gauges)
        self._records = records = Records(reader, looks, told, self._clock)
        app = create_app((desk, records), KeyRing(config.web.keys_file), settings, shown)
        return WebServer(app, settings, None if self._ocpp is None else self._ocpp.serve)

    def _ocpp_server(self, config: Config) -> OcppServer | None:
        if not config.ocpp.enabled:
            return None
        from edge_agent.adapters.ocpp_ws import OcppServer  # noqa: PLC0415 - most sites do without

        ledger = None
        if config.ocpp.when_upstream_lost == "stand-in":
            ledger = SqliteLedger(config.store.path.with_name(LEDGER), self._clock.now())
        return OcppServer(ocpp_settings(config), self._tap, ledger, self._clock.now)

    def bind(self) -> None:
        """Listen on every socket, before any thread starts. Raises ConfigError."""
        self.web.bind()
        if self._ocpp is not None:
            self._ocpp.bind()

    def _endpoint_health(self) -> dict[str, Any]:
        if self._ocpp is None:
            return DISABLED
        return {"status": "healthy", "connected": self._ocpp.connected, "missed": self._tap.missed}

    def _uplink_health(self) -> dict[str, Any]:
        uplink = self._uplink
        if uplink is None:
            return DISABLED
        reached = uplink.reached_at
        return {
            "status": "healthy" if uplink.trouble is None else "degraded",
            "sent": uplink.sent,
            "refused": uplink.refused,
            "last_acknowledged": None
            if reached is None
            else f"{datetime.fromtimestamp(reached, UTC):%FT%TZ}",
            **({} if uplink.trouble is None else {"message": uplink.trouble}),
        }

    def _gauges(self) -> dict[str, float]:
        view = self._ingest.view
        return {
            "inbox_waiting": self._inbox.waiting,
            "evses": len(view.site.chargers),
            "broker_connected": float(view.listening_since is not None),
            "watch_only": float(view.watch_only),
            "ocpp_connected": float(0 if self._ocpp is None else self._ocpp.connected),
            "ocpp_missed": float(self._tap.missed),
        }


def operator(config: Config) -> Operator:
    """Return what the operator tells of the site."""
    return Operator(
        terms=terms(config),
        labels={name: charger.label or name for name, charger in config.chargers.items()},
        least_free_bytes=config.store.min_free_bytes,
        failure_after=timedelta(hours=config.downtime.failure_hours),
        plates={
            name: Plate(charger.location, charger.warranty_until) for name, charger in config.chargers.items()
        },
    )


def house(config: Config) -> House | None:
    """Return where chargers appear as devices; None where they are not to."""
    if not config.home_assistant.enabled:
        return None
    labels = {name: charger.label for name, charger in config.chargers.items() if charger.label}
    return House(config.home_assistant.prefix, config.prefix, config.site_id, config.gateway, labels)


def registry(config: Config) -> Registry:
    """Return what reads the site's topics: the contract's, and what the configuration adds."""
    told = config.sources
    named = (
        (told.everest, everest.routes),
        (told.openevse, openevse.routes),
        (told.goe, goe.routes),
        (told.evcc, evcc.routes),
        (told.ocpp_bridge, envelopes.bridge_routes),
        (told.maeve, envelopes.maeve_routes),
    )
    others = [route for bases, routes in named for base in bases for route in routes(base)]
    devices = [_device(declared) for declared in told.mapped.values()]
    return Registry(config.prefix, [*others, *(route for each in devices for route in mapped.routes(each))])


def _device(told: MappedSection) -> Device:
    fields = {name: mapped.Field(place.at, place.unit, place.values) for name, place in told.fields.items()}
    return Device(told.topic, fields, told.charger_id, told.connector_id)


def _under_other_names(registry: Registry, pseudonyms: Pseudonyms, message: Message) -> RecordedMessage:
    charger_id = registry.charger_of(message.topic)
    return RecordedMessage(
        topic=pseudonyms.topic(message.topic, charger_id),
        payload=pseudonyms.payload(message.payload, charger_id),
        at=message.received_at,
    )


def releases(config: Config) -> ReleaseFolder:
    """Return the releases of the models on this box."""
    shipped = config.models.dir
    try:
        number = release_of(shipped)
    except ModelError:  # told where its models are loaded
        number = 0
    return ReleaseFolder(config.releases_dir, shipped, number)


def shelf(known: ReleaseFolder) -> Shelf:
    """Return the models' shelf, empty yet: the rules judge until `load`."""
    return Shelf(Loaders(load_failure, load_anomaly), known.directory(known.rollout().judging))


def bounds(config: Config) -> Bounds:
    """Return how long newer models are tried, and what they may not do meanwhile."""
    return Bounds(hours=config.models.trial_hours, jump=config.models.alarm_jump)


def site(config: Config) -> Site:
    """Return a site of which nothing is known, under a new epoch."""
    return Site(epoch=secrets.token_hex(8), most_chargers=config.limits.chargers)


def manners(config: Config) -> Manners:
    """Return how the operator wants the pipeline to work."""
    patience = Patience(**config.offline.model_dump())
    failure_after = timedelta(hours=config.downtime.failure_hours)
    return Manners(
        commit_s=config.store.commit_s,
        patience=patience,
        terms=terms(config),
        failure_after=failure_after,
        which_readings=config.sync.readings if config.sync.enabled else "none",
        endpoint=config.ocpp.enabled,
    )


def terms(config: Config) -> Terms:
    """Return the operator's costs."""
    told = config.maintenance
    return Terms(
        time_zone=ZoneInfo(told.time_zone),
        currency=told.currency,
        revenue_per_hour=told.revenue_per_hour,
        labour_cost=told.labour_cost,
        repair_cost=told.repair_cost,
        preventive_downtime_hours=told.preventive_downtime_hours,
        failure_downtime_hours=told.failure_downtime_hours,
        call_out_cost=told.call_out_cost,
        penalty=told.penalty,
        planned_visit_days=told.planned_visit_days,
        technician_days=frozenset(map(WEEKDAYS.index, told.technician_days)),
        technician_hours=told.technician_hours,
        holidays=frozenset(told.holidays),
        parts={mode: _part(part, told.parts.get(mode)) for mode, part in PARTS.items()},
    )


def _part(usual: Part, told: PartSection | None) -> Part:
    return usual if told is None else usual._replace(**told.model_dump(exclude_none=True))


def ocpp_settings(config: Config) -> OcppSettings:
    """Return how the OCPP endpoint is wanted. Raises ConfigError for the file of passwords."""
    from edge_agent.adapters.ocpp_ws import OcppSettings  # noqa: PLC0415 - most sites do without

    told = config.ocpp
    return OcppSettings(
        host=told.host,
        port=told.port,
        upstream_url=told.upstream_url,
        accept_unknown=told.accept_unknown,
        passwords=passwords(told.passwords_file),
        tls_cert=told.tls_cert,
        tls_key=told.tls_key,
        ca_file=told.ca_file,
        most_chargers=config.limits.chargers,
    )


def uplink_settings(config: Config) -> UplinkSettings:
    """Return where things go up to."""
    from cloud_sync.uplink import UplinkSettings  # noqa: PLC0415 - as above

    told = config.sync
    return UplinkSettings(
        url=told.url or "",
        token_file=told.token_file,
        cert_file=told.cert_file,
        key_file=told.key_file,
        ca_file=told.ca_file,
        proxy=told.proxy,
        bytes_a_second=told.bytes_per_second,
        spread_s=told.spread_s,
        gather_s=told.gather_s,
    )


def store_bounds(config: Config) -> StoreBounds:
    """Return the store's bounds."""
    return StoreBounds(
        max_bytes=config.store.max_bytes,
        min_free_bytes=config.store.min_free_bytes,
        raw_days=config.store.raw_days,
        rollup_days=config.store.rollup_days,
        quarantine_bytes=config.limits.quarantine_bytes,
        consumers=consumers(config),
    )


def consumers(config: Config) -> dict[str, tuple[Stream, ...]]:
    """Return who reads the outbox, and which streams of it."""
    found: dict[str, tuple[Stream, ...]] = {CONSUMER: (Stream.ALERTS,)}
    if config.sync.enabled:
        found[UPLINK] = tuple(Stream)
    if config.webhook.url is not None:
        found[WEBHOOK] = (Stream.ALERTS,)
    return found


def broker_settings(config: Config, registry: Registry) -> BrokerSettings:
    """Return where the broker is and who we are to it. Raises ConfigError for a secret's file."""
    told = config.mqtt
    return BrokerSettings(
        host=told.host,
        port=told.port,
        client_id=told.client_id or f"edge-agent-{config.gateway}",
        username=told.username,
        password=secret(told.password_file),
        tls=told.tls,
        ca_file=told.ca_file,
        cert_file=told.cert_file,
        key_file=told.key_file,
        subscriptions=(
            *registry.subscriptions,
            f"{config.prefix}/alerts/+/+/+",
            f"{config.prefix}/alerts/+/+/+/ack",
        ),
        will=(f"{config.prefix}/gateway/status", b'{"status":"offline"}'),
    )
