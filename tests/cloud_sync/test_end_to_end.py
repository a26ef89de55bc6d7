"""From an outbox to the database: the real uplink, ingest, Kafka, sink and PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud_sync.central.ingest import create_app
from cloud_sync.central.producer import KafkaMessages
from cloud_sync.central.tokens import TokenBook
from edge_agent.wire.outbox import Stream
from tests.cloud_sync.making import a_book, settings
from tests.cloud_sync.test_sink import Central
from tests.cloud_sync.test_sink import central as central  # noqa: PLC0414 - a fixture
from tests.cloud_sync.test_uplink import going_up
from tests.rig.central import MemoryOutbox, served
from tests.rig.kafka import Kafka

READING = '{"charger_id": "CHG_001", "metrics": {"connector_status": "CHARGING", "power": 7.2}}'
ANSWER = '{"charger_id": "CHG_001", "failure_probability": 0.1, "model_version": "v1"}'


@pytest.mark.parametrize("count", [1, 1_500])
def test_every_record_of_an_outbox_is_a_row_once(
    tmp_path: Path, kafka: Kafka, central: Central, count: int
) -> None:
    path, token, _ = a_book(tmp_path)
    token_file = tmp_path / "token"
    token_file.write_text(token)
    messages = KafkaMessages(kafka.bootstrap)
    outbox = MemoryOutbox()
    outbox.put(Stream.READINGS, count, payload=READING, epoch=central.site)
    outbox.put(Stream.ANSWERS, count, payload=ANSWER, epoch=central.site)
    try:
        with served(create_app(messages, TokenBook(path), settings())) as url:
            with going_up(url, outbox, token_file):
                outbox.wait_until_sent(Stream.READINGS)
                outbox.wait_until_sent(Stream.ANSWERS)
        # Told again, as after a crash between the answer and the cursor.
        again = MemoryOutbox()
        again.put(Stream.READINGS, count, payload=READING, epoch=central.site)
        with (
            served(create_app(messages, TokenBook(path), settings())) as url,
            going_up(url, again, token_file),
        ):
            again.wait_until_sent(Stream.READINGS)
    finally:
        messages.close()
    central.site = "site-1"
    with central.sinking(2):
        central.wait_for("charger_metrics", count)
        central.wait_for("predictions", count)
    assert central.count("charger_metrics") == count
    assert central.ask("SELECT DISTINCT tenant_id, gateway_id FROM charger_latest") == [("tenant-1", "gw-1")]
