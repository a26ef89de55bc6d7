"""The configuration: one TOML file, each key also in the environment, checked as a whole.

A key stands here once, with its meaning; `docs/configuration.md` is checked against it.
Secrets are never in the file itself: a `…_file` key names where they are.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Collection
from datetime import date
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from edge_agent.errors import ConfigError
from edge_agent.sentences import sentences
from edge_agent.sources.mapped import FIELDS, MEASURED
from edge_agent.wire.answers import FailureMode
from edge_agent.wire.metrics import ConnectorStatus
from edge_agent.wire.types import ChargerId, ConnectorId

DEFAULT_PATH = Path("/etc/edge-agent/config.toml")
ENROLMENT = "enrolment.toml"
"""Beside the file: what a gateway was told at its enrolment counts instead of what all are flashed with."""
ENVIRONMENT_PREFIX = "EDGE_AGENT__"
EVERY = ("*",)
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
MODELS_DIR = Path(__file__).resolve().parent.parent / "models"

Host = Annotated[str, Field(min_length=1)]
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=1e7)]
Bytes = Annotated[int, Field(gt=0)]
Days = Annotated[int, Field(gt=0, le=36_500)]
Money = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Hour = Annotated[int, Field(ge=0, le=24)]
Topic = Annotated[str, Field(pattern=r"^[^#+\s/]([^#+\s]*[^#+\s/])?$", max_length=1000)]
SiteName = Annotated[str, Field(pattern=r"^[A-Za-z0-9.:-][A-Za-z0-9._:-]{0,63}$")]


def _rising(hours: tuple[int, int]) -> tuple[int, int]:
    if hours[0] >= hours[1]:
        message = f"the day ends before it begins; write begin and end, such as [8, 17], not {list(hours)}"
        raise ValueError(message)
    return hours


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        message = f"{name!r} is no time zone; write one such as 'Europe/Berlin' or 'UTC'"
        raise ValueError(message) from None
    return name


class Section(BaseModel):
    """Base of the sections. Unknown keys are reported apart, so that a downgrade still starts.

    live: the keys that take effect at a reload, or EVERY one; the others do so at the next start.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    live: ClassVar[Collection[str]] = ()

    @classmethod
    def is_live(cls, key: str) -> bool:
        """Say whether a key of this section takes effect at a reload."""
        return cls.live is EVERY or key in cls.live


class Mqtt(Section):
    """[mqtt]: the site's broker."""

    host: Host = "127.0.0.1"
    port: Port = 1883
    username: str | None = None
    password_file: Path | None = None
    prefix: str | None = Field(
        None, description="Topic prefix; default evzone/v1/{site_id}.", pattern=r"^[^#+\s]+$"
    )
    client_id: str | None = Field(None, description="Default edge-agent-{gateway_id}.")
    tls: bool = False
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None


class StoreSection(Section):
    """[store]: the local database and its bounds."""

    live = ("commit_s", "max_bytes", "min_free_bytes", "raw_days", "rollup_days")

    path: Path = Path("/var/lib/edge-agent/store.sqlite")
    commit_s: Seconds = Field(
        5.0, description="How long plain samples may wait, unacknowledged, for a commit."
    )
    max_bytes: Bytes = 2_000_000_000
    min_free_bytes: Bytes = 200_000_000
    raw_days: Days = 30
    rollup_days: Days = 730


class LimitsSection(Section):
    """[limits]: what a site may name."""

    live = ("quarantine_bytes",)

    chargers: Annotated[int, Field(ge=1, le=10_000)] = 200
    quarantine_bytes: Bytes = 10_000_000


class ChargerSection(Section):
    """[chargers.ID]: what the operator knows of a charger."""

    label: str | None = None
    location: str | None = None
    rated_kw: Annotated[float, Field(gt=0)] | None = None
    warranty_until: str | None = None


class Web(Section):
    """[web]: the LAN interface."""

    host: Host = "127.0.0.1"
    port: Port = 8080
    keys_file: Path = Path("/var/lib/edge-agent/keys.json")
    tls_cert: Path | None = None
    tls_key: Path | None = None
    rate_limit: Annotated[float, Field(gt=0, le=1e6)] = Field(
        1000.0, description="Requests a second for each key."
    )
    insecure: bool = Field(
        default=False, description="Allow listening off loopback without TLS: keys can be read on the wire."
    )

    @model_validator(mode="after")
    def _is_safe(self) -> Web:
        if (self.tls_cert is None) != (self.tls_key is None):
            message = "tls_cert and tls_key: give both, or neither"
            raise ValueError(message)
        if self.tls_cert is None and self.host not in LOOPBACK and not self.insecure:
            message = f"{self.host} is no loopback: give tls_cert and tls_key, or say insecure = true"
            raise ValueError(message)
        return self


class OcppSection(Section):
    """[ocpp]: the endpoint to which chargers connect as to their back office, ws(s)://host:port/ocpp/{charger_id}."""

    enabled: bool = False
    host: Host = "127.0.0.1"
    port: Port = 9000
    upstream_url: Annotated[str, Field(pattern=r"^wss?://[^/?#]+[^?#]*$")] | None = Field(
        None, description="The back office; /{charger_id} is added. None: the agent answers by itself."
    )
    when_upstream_lost: Literal["close", "stand-in"] = "close"
    accept_unknown: bool = Field(
        default=False,
        description="While the agent answers, let idTags charge that the back office never accepted.",
    )
    passwords_file: Path | None = Field(
        None, description="Lines `charger_id:password`, asked for where the back office does not ask."
    )
    tls_cert: Path | None = None
    tls_key: Path | None = None
    ca_file: Path | None = Field(
        None, description="Authorities to trust for the back office; default: the system's."
    )
    insecure: bool = Field(
        default=False, description="Allow connections off loopback without TLS, or without any password."
    )

    @model_validator(mode="after")
    def _is_safe(self) -> OcppSection:
        if (self.tls_cert is None) != (self.tls_key is None):
            message = "tls_cert and tls_key: give both, or neither"
            raise ValueError(message)
        if self.when_upstream_lost == "stand-in" and self.upstream_url is None:
            message = "when_upstream_lost is for a site with an upstream_url; leave it out"
            raise ValueError(message)
        if not self.enabled or self.insecure or self.host in LOOPBACK:
            return self
        if self.tls_cert is None:
            message = f"{self.host} is no loopback: give tls_cert and tls_key, or say insecure = true"
            raise ValueError(message)
        if self.upstream_url is None and self.passwords_file is None:
            message = "anybody could speak for any charger; give a passwords_file, or say insecure = true"
            raise ValueError(message)
        return self


class FieldSection(Section):
    """[sources.mapped.NAME.fields.FIELD]: where one field of a declared device is."""

    at: Annotated[str, Field(pattern=r"^(/.*)?$")] = Field(
        "", description="JSON pointer to the value; empty: the whole payload."
    )
    unit: str = Field("", description="The device's unit; default: the first that the field knows.")
    values: dict[str, str] = Field({}, description="The device's words and ours for them.")


class MappedSection(Section):
    """[sources.mapped.NAME]: a device that the configuration declares."""

    topic: Topic
    charger_id: ChargerId | None = None
    connector_id: ConnectorId = 1
    fields: Annotated[dict[str, FieldSection], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_readable(self) -> MappedSection:
        places = set(re.findall(r"\{(.*?)\}", self.topic))
        if places - {"charger_id", "connector_id"}:
            message = "topic: only {charger_id} and {connector_id} may stand in braces"
            raise ValueError(message)
        if (self.charger_id is None) != ("charger_id" in places):
            message = "say whose it is once: by {charger_id} in the topic, or by charger_id"
            raise ValueError(message)
        for name, place in self.fields.items():
            _check_field(name, place)
        return self


def _check_field(name: str, place: FieldSection) -> None:
    """Raises ValueError, with what to write instead."""
    if name not in FIELDS:
        near = difflib.get_close_matches(name, FIELDS, n=1)
        message = f"fields.{name}: is no field" + (f"; did you mean {near[0]!r}?" if near else "")
        raise ValueError(message)
    units = MEASURED.get(name, {})
    if place.unit and place.unit.casefold() not in units:
        message = f"fields.{name}: {place.unit!r} is no unit of it; write one of {', '.join(units) or 'none'}"
        raise ValueError(message)
    if name == "connector_status":
        wrong = [each for each in place.values.values() if each not in ConnectorStatus.__members__]
        if wrong:
            message = f"fields.{name}: {wrong[0]!r} is no status; write one of {', '.join(ConnectorStatus)}"
            raise ValueError(message)


class SourcesSection(Section):
    """[sources]: what else speaks on the broker; each is a list of base topics, and none is read unasked."""

    everest: tuple[Topic, ...] = Field((), description='EVerest; usually `["everest_api"]`.')
    openevse: tuple[Topic, ...] = Field((), description='OpenEVSE; usually `["openevse"]`.')
    goe: tuple[Topic, ...] = Field((), description='go-e; usually `["go-eCharger"]`.')
    evcc: tuple[Topic, ...] = Field((), description='evcc; usually `["evcc"]`.')
    ocpp_bridge: tuple[Topic, ...] = Field(
        (), description="OCPP frames under `{base}/{charger_id}/charger/{action}`."
    )
    maeve: tuple[Topic, ...] = Field(
        (), description="MaEVe's gateway, under `{base}/in/ocpp16/{charger_id}`."
    )
    mapped: dict[str, MappedSection] = {}


class HomeAssistant(Section):
    """[home_assistant]: chargers appear there as devices, by its MQTT discovery."""

    enabled: bool = False
    prefix: Topic = Field("homeassistant", description="Of its discovery topics, as Home Assistant has it.")


class SyncSection(Section):
    """[sync]: what goes up to the central service."""

    live = ("readings",)

    enabled: bool = False
    url: Annotated[str, Field(pattern=r"^https?://[^/?#]+[^?#]*$")] | None = Field(
        None, description="The central ingest, such as `https://central.example`."
    )
    token_file: Path | None = Field(None, description="File whose first line is this gateway's token.")
    cert_file: Path | None = Field(None, description="Its certificate, instead of a token.")
    key_file: Path | None = None
    ca_file: Path | None = Field(None, description="Authorities to trust; default: the system's.")
    proxy: str | None = Field(None, description="HTTP proxy to go through.")
    readings: Literal["all", "changes", "none"] = Field(
        "changes", description="Which readings go up: `all`, `changes` by more than a dead band, or `none`."
    )
    bytes_per_second: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Bound for metered links; none: no bound."
    )
    spread_s: Annotated[float, Field(ge=0, le=3600)] = Field(
        60.0, description="So long, by chance, a gateway holds its backlog back when a link returns."
    )
    gather_s: Annotated[float, Field(ge=0, le=3600)] = Field(
        60.0, description="So long at most answers and readings gather after a batch; alerts never wait."
    )
    insecure: bool = Field(default=False, description="Allow http:// to another machine.")

    @model_validator(mode="after")
    def _is_safe(self) -> SyncSection:
        if not self.enabled:
            return self
        if self.url is None:
            message = "url: say where to, or leave sync disabled"
            raise ValueError(message)
        if self.token_file is None and self.cert_file is None:
            message = "give a token_file, or cert_file and key_file: upstream must know who sends"
            raise ValueError(message)
        host = urlsplit(self.url).hostname
        if self.url.startswith("http:") and host not in LOOPBACK and not self.insecure:
            message = f"{self.url} is not encrypted; write https://, or say insecure = true"
            raise ValueError(message)
        return self


class WebhookSection(Section):
    """[webhook]: where alerts go besides MQTT."""

    url: Annotated[str, Field(pattern=r"^https?://[^/?#@]+[^#]*$")] | None = Field(
        None, description="Each piece of news of an alert is posted here; none: no webhook."
    )
    secret_file: Path | None = Field(None, description="File whose first line signs what is posted.")
    ca_file: Path | None = Field(None, description="Authorities to trust; default: the system's.")
    insecure: bool = Field(default=False, description="Allow http:// to another machine.")

    @model_validator(mode="after")
    def _is_safe(self) -> WebhookSection:
        if self.url is None or not self.url.startswith("http:") or self.insecure:
            return self
        if urlsplit(self.url).hostname not in LOOPBACK:
            message = f"{self.url} is not encrypted; write https://, or say insecure = true"
            raise ValueError(message)
        return self


class ModelsSection(Section):
    """[models]: where the models are, and where newer ones come from."""

    live = ("repository_url", "root_file", "trial_hours", "alarm_jump")

    dir: Path = MODELS_DIR
    repository_url: str | None = None
    root_file: Path | None = Field(None, description="Default: root.json in dir.")
    releases_dir: Path | None = Field(None, description="Default: releases beside the store.")
    trial_hours: Annotated[float, Field(ge=0, le=720)] = 24.0
    alarm_jump: Annotated[float, Field(gt=0, le=1)] = 0.2

    @property
    def root(self) -> Path:
        """The metadata that trust in newer models begins with; where there is no such file there are none."""
        return self.root_file or self.dir / "root.json"


class PartSection(Section):
    """[maintenance.parts.MODE]: the part that mends a failure mode."""

    cost: Money | None = None
    lead_days: Annotated[float, Field(ge=0, le=366)] | None = None


class Maintenance(Section):
    """[maintenance]: the operator's own costs. Hours are of downtime."""

    live = EVERY

    time_zone: Annotated[str, AfterValidator(_known_zone)] = "UTC"
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "EUR"
    revenue_per_hour: Money = 8.0
    labour_cost: Money = 120.0
    repair_cost: Money = 600.0
    preventive_downtime_hours: Money = 2.0
    failure_downtime_hours: Money = 48.0
    call_out_cost: Money = 80.0
    penalty: Money = 0.0
    planned_visit_days: Annotated[float, Field(gt=0, le=366)] = 30.0
    technician_days: Annotated[tuple[Weekday, ...], Field(min_length=1)] = ("mon", "tue", "wed", "thu", "fri")
    technician_hours: Annotated[tuple[Hour, Hour], AfterValidator(_rising)] = (8, 17)
    holidays: tuple[date, ...] = ()
    parts: dict[FailureMode, PartSection] = {}


class Offline(Section):
    """[offline]: when silence means that a charger is gone."""

    live = EVERY

    after_s: Seconds = Field(120.0, description="Never sooner than this.")
    usual_gaps: Annotated[float, Field(ge=2, le=1000)] = Field(
        3.0, description="So many of its longest usual gap."
    )
    stranger_s: Seconds = Field(900.0, description="For a charger whose rhythm is not known yet.")


class DowntimeSection(Section):
    """[downtime]: when an outage is a failure."""

    live = EVERY

    failure_hours: Annotated[float, Field(gt=0, le=1000)] = Field(
        4.0, description="An outage of its own cause that lasts so long is a failure."
    )


NAMED_SECTIONS: dict[str, type[Section]] = {
    "chargers": ChargerSection,
    "parts": PartSection,
    "mapped": MappedSection,
    "fields": FieldSection,
}
"""Sections that there are several of, each under a name of its own."""
WEEKDAYS = get_args(Weekday)


class Config(Section):
    """The whole file."""

    live = ("chargers",)

    site_id: SiteName
    gateway_id: SiteName | None = None
    mqtt: Mqtt = Mqtt()
    store: StoreSection = StoreSection()
    limits: LimitsSection = LimitsSection()
    chargers: dict[str, ChargerSection] = {}
    web: Web = Web()
    ocpp: OcppSection = OcppSection()
    sources: SourcesSection = SourcesSection()
    home_assistant: HomeAssistant = HomeAssistant()
    webhook: WebhookSection = WebhookSection()
    sync: SyncSection = SyncSection()
    models: ModelsSection = ModelsSection()
    maintenance: Maintenance = Maintenance()
    offline: Offline = Offline()
    downtime: DowntimeSection = DowntimeSection()

    @property
    def gateway(self) -> str:
        """The gateway's id: the site's where none is given."""
        return self.gateway_id or self.site_id

    @property
    def releases_dir(self) -> Path:
        """Where newer models are kept."""
        return self.models.releases_dir or self.store.path.with_name("releases")

    @property
    def prefix(self) -> str:
        """The MQTT topics' prefix, without a slash at its end."""
        return (self.mqtt.prefix or f"evzone/v1/{self.site_id}").rstrip("/")


def load(path: Path | None, environment: dict[str, str] | None = None) -> tuple[Config, list[str]]:
    """Return the configuration and a sentence for each unknown key.

    path: the TOML file; None: the default one, where there is one.
    Raises: ConfigError with a sentence for each fault.
    """
    wanted = path or (DEFAULT_PATH if DEFAULT_PATH.exists() else None)
    values = _read(wanted) if wanted is not None else {}
    if wanted is not None and (enrolled := wanted.with_name(ENROLMENT)).exists():
        values = _over(values, _read(enrolled))
    unknown = _override(values, os.environ if environment is None else environment)
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        raise ConfigError(sentences(error.errors()) + _unknown_keys(values) + unknown) from None
    return config, _unknown_keys(values) + unknown


def secret(path: Path | None) -> str | None:
    """Return the first line of a secret's file; None for no file. Raises ConfigError."""
    if path is None:
        return None
    try:
        return path.read_text().splitlines()[0].strip()
    except (OSError, IndexError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it has no first line of text"
        raise ConfigError([f"cannot read the secret in {path}: {why}"]) from error


def passwords(path: Path | None) -> dict[str, str]:
    """Return the chargers' passwords of a file of lines `charger_id:password`. Raises ConfigError."""
    if path is None:
        return {}
    try:
        lines = [line.strip() for line in path.read_text().splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"cannot read the passwords in {path}: {error}"]) from error
    found = {}
    for number, line in enumerate(lines, 1):
        if not line or line.startswith("#"):
            continue
        charger_id, colon, password = line.partition(":")
        if not (charger_id and colon and password):
            raise ConfigError([f"{path}, line {number}: write it as charger_id:password"])
        found[charger_id] = password
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigError([f"cannot read {path}: {error.strerror}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path} is not TOML: {error}"]) from error


def _over(values: dict[str, Any], others: dict[str, Any]) -> dict[str, Any]:
    """Return values with others in their place, key by key."""
    inner = {
        key: _over(values[key], other)
        if isinstance(other, dict) and isinstance(values.get(key), dict)
        else other
        for key, other in others.items()
    }
    return {**values, **inner}


def _override(values: dict[str, Any], environment: dict[str, str] | os._Environ[str]) -> list[str]:
    """Put EDGE_AGENT__SECTION__KEY from the environment over the file's values."""
    unknown = []
    for name, text in environment.items():
        if not name.startswith(ENVIRONMENT_PREFIX):
            continue
        *sections, key = _path_of(name.removeprefix(ENVIRONMENT_PREFIX))
        place: Any = values
        for section in sections:
            place = place.setdefault(section, {}) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place[key] = text
        else:
            unknown.append(f"{name} in the environment: {'.'.join(sections)} is no section")
    return unknown


def _path_of(name: str) -> list[str]:
    """Return the parts of a key, in lower case but for a charger's id, whose case matters."""
    parts = name.split("__")
    return [
        part if place == 1 and parts[0].lower() == "chargers" else part.lower()
        for place, part in enumerate(parts)
    ]


def _unknown_keys(values: dict[str, Any]) -> list[str]:
    return _unknown_in(values, Config, "")


def _unknown_in(values: dict[str, Any], section: type[Section], where: str) -> list[str]:
    found = []
    for key, value in values.items():
        field = section.model_fields.get(key)
        if field is None:
            found.append(_unknown(f"{where}{key}", key, section))
        elif isinstance(value, dict):
            inner = field.annotation
            if isinstance(inner, type) and issubclass(inner, Section):
                found += _unknown_in(value, inner, f"{where}{key}.")
            elif key in NAMED_SECTIONS:
                for name, named in value.items():
                    if isinstance(named, dict):  # anything else is a fault that validation tells
                        found += _unknown_in(named, NAMED_SECTIONS[key], f"{where}{key}.{name}.")
    return found


def _unknown(where: str, key: str, section: type[Section]) -> str:
    near = difflib.get_close_matches(key, section.model_fields, n=1)
    return f"{where}: unknown key" + (f"; did you mean {near[0]!r}?" if near else "")
