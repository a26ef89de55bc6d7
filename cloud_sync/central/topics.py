"""The topics of section 5, made where they are missing."""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from cloud_sync.central.envelope import ALL_TOPICS
from cloud_sync.central.settings import Kafka
from edge_agent.errors import EdgeAgentError

TIMEOUT_S = 30.0


def make_topics(settings: Kafka) -> list[str]:
    """Make what is missing; return the topics that were made. Raises EdgeAgentError."""
    admin = AdminClient({"bootstrap.servers": settings.brokers, "log_level": 3})
    try:
        known = admin.list_topics(timeout=TIMEOUT_S).topics
        missing = [
            NewTopic(topic, settings.partitions, settings.replication, config=_durable(settings))
            for topic in ALL_TOPICS
            if topic not in known
        ]
        made = admin.create_topics(missing) if missing else {}
        for future in made.values():
            _made(future.result)
    except KafkaException as error:
        raise EdgeAgentError(f"Kafka at {settings.brokers}: {error.args[0].str()}") from error
    return list(made)


def _made(result: object) -> None:
    try:
        result(TIMEOUT_S)  # type: ignore[operator] # confluent's futures are untyped
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise


def _durable(settings: Kafka) -> dict[str, str]:
    """Two replicas must have a message before it counts as kept, where there are three."""
    return {"min.insync.replicas": str(max(settings.replication - 1, 1))}
