"""The central side's settings, all from the environment: CLOUD_SYNC__SECTION__KEY."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_agent.errors import ConfigError

PREFIX = "CLOUD_SYNC__"


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Kafka(Section):
    """brokers: `host:port`, with commas between."""

    brokers: str = "127.0.0.1:9092"
    replication: Annotated[int, Field(ge=1, le=10)] = 1
    partitions: Annotated[int, Field(ge=1, le=1000)] = 12


class Postgres(Section):
    dsn: str = "postgresql://127.0.0.1/evzone"


class Ingest(Section):
    """client_ca: who vouches for gateways' certificates; none: tokens alone.

    most_batches: at once, before 503. batches_per_second: of one gateway, before 429.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8443
    tokens_file: Path = Path("/etc/cloud-sync/tokens.json")
    tls_cert: Path | None = None
    tls_key: Path | None = None
    client_ca: Path | None = None
    most_batches: Annotated[int, Field(ge=1)] = 128
    batches_per_second: Annotated[float, Field(gt=0)] = 20.0

    @property
    def codes_file(self) -> Path:
        """One-time codes, by their hashes: beside the tokens that they become."""
        return self.tokens_file.with_name("codes.json")


class Sink(Section):
    """retain_days: of each table's partitions. ahead_days: partitions made before they are needed."""

    group: str = "cloud-sync-sink"
    batch: Annotated[int, Field(ge=1, le=100_000)] = 2_000
    retain_days: Annotated[int, Field(ge=2)] = 400
    ahead_days: Annotated[int, Field(ge=2)] = 3


class Settings(Section):
    """All of it."""

    kafka: Kafka = Kafka()
    postgres: Postgres = Postgres()
    ingest: Ingest = Ingest()
    sink: Sink = Sink()


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings. Raises ConfigError with a sentence for each fault."""
    values: dict[str, dict[str, Any]] = {}
    for name, text in (os.environ if environment is None else environment).items():
        if name.startswith(PREFIX):
            section, _, key = name.removeprefix(PREFIX).lower().partition("__")
            values.setdefault(section, {})[key] = text
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        raise ConfigError(
            [f"{PREFIX}{'__'.join(map(str, f['loc'])).upper()}: {f['msg']}" for f in faults]
        ) from None
