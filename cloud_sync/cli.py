"""`cloud-sync`: the central side, from the command line. Settings are in the environment, CLOUD_SYNC__…"""

from __future__ import annotations

import argparse
import logging
import signal
import ssl
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from edge_agent.errors import EdgeAgentError

if TYPE_CHECKING:
    from cloud_sync.central import settings

IDLE_S = 180
"""Longer than a gateway leaves a connection unused, so that it is the gateway that closes it."""
EXAMPLES = """examples:
  cloud-sync migrate                              schema and topics, where they are missing
  cloud-sync tokens add site-001 gw-001           a gateway's token, shown once, stored hashed
  cloud-sync tokens add site-001 gw-001 --certificate gw-001.pem
  cloud-sync tokens revoke gw-001
  cloud-sync codes add site-001 gw-001            a one-time code: the gateway makes its token itself
  cloud-sync ingest                               gateways post to it; as many as one likes
  cloud-sync sink                                 Kafka to PostgreSQL; as many as there are partitions
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command and return its exit code: 0 well, 1 it failed, 2 it was asked wrongly."""
    asked = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        return _carry_out(asked)
    except EdgeAgentError as error:
        for sentence in getattr(error, "faults", [str(error)]):
            print(f"cloud-sync: {sentence}", file=sys.stderr)  # noqa: T201 - a command's output
        return 1


def _carry_out(asked: argparse.Namespace) -> int:
    from cloud_sync.central.settings import load  # noqa: PLC0415 - needs the extra

    told = load()
    match asked.command:
        case "ingest":
            _ingest(told)
        case "sink":
            _sink(told)
        case "migrate":
            _migrate(told)
        case "codes":
            _codes(told.ingest, asked)
        case _:
            _tokens(told.ingest.tokens_file, asked)
    return 0


def _ingest(told: settings.Settings) -> None:
    import uvicorn  # noqa: PLC0415 - of this command alone

    from cloud_sync.central.certificates import CertificateProtocol  # noqa: PLC0415 - as below
    from cloud_sync.central.ingest import create_app  # noqa: PLC0415 - as above
    from cloud_sync.central.producer import KafkaMessages  # noqa: PLC0415 - as above
    from cloud_sync.central.tokens import TokenBook  # noqa: PLC0415 - as above

    book = TokenBook(told.ingest.tokens_file)
    messages = KafkaMessages(told.kafka.brokers)
    try:
        uvicorn.run(
            create_app(messages, book, told.ingest),
            host=told.ingest.host,
            port=told.ingest.port,
            http=CertificateProtocol,
            ws="none",
            lifespan="off",
            access_log=False,
            server_header=False,
            ssl_certfile=told.ingest.tls_cert,
            ssl_keyfile=told.ingest.tls_key,
            ssl_ca_certs=None if told.ingest.client_ca is None else str(told.ingest.client_ca),
            ssl_cert_reqs=ssl.CERT_NONE if told.ingest.client_ca is None else ssl.CERT_OPTIONAL,
            timeout_keep_alive=IDLE_S,
            timeout_graceful_shutdown=20,
            log_level="warning",
        )
    finally:
        messages.close()


def _sink(told: settings.Settings) -> None:
    from cloud_sync.central.sink import Sink  # noqa: PLC0415 - of this command alone

    sink = Sink(told)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sink.stop())
    sink.run()


def _migrate(told: settings.Settings) -> None:
    from cloud_sync.central.migrate import migrate  # noqa: PLC0415 - of this command alone
    from cloud_sync.central.topics import make_topics  # noqa: PLC0415 - as above

    for what, made in (("schema", migrate(told.postgres.dsn)), ("topics", make_topics(told.kafka))):
        print(f"{what}: {', '.join(made) or 'nothing was missing'}")  # noqa: T201 - a command's output


def _codes(told: settings.Ingest, asked: argparse.Namespace) -> None:
    from cloud_sync.central.codes import CodeBook  # noqa: PLC0415 - of this command alone

    book, now = CodeBook(told.codes_file, told.tokens_file), datetime.now(UTC)
    if asked.action == "add":
        until = now + timedelta(days=asked.days)
        print(book.add(asked.site, asked.gateway, asked.tenant, until))  # noqa: T201 - a command's output
    elif asked.action == "revoke":
        print(f"{book.revoke(asked.gateway)} codes revoked")  # noqa: T201 - as above
    else:
        for each in book.all():
            state = "used" if each.used_by else f"until {each.expires_at:%Y-%m-%d}"
            print(f"{each.gateway_id:24}  {each.site_id:24}  {state}")  # noqa: T201 - as above


def _tokens(path: Path, asked: argparse.Namespace) -> None:
    from cloud_sync.central import tokens  # noqa: PLC0415 - of this command alone
    from cloud_sync.central.certificates import fingerprint  # noqa: PLC0415 - as above

    if asked.action == "revoke":
        print(f"{tokens.revoke(path, asked.gateway)} tokens revoked")  # noqa: T201 - a command's output
    elif asked.certificate is None:
        print(tokens.add(path, asked.site, asked.gateway, asked.tenant))  # noqa: T201 - as above
    else:
        sha256 = fingerprint(asked.certificate)
        tokens.add_hash(path, sha256, asked.site, asked.gateway, asked.tenant)
        print(f"{asked.gateway} is known by its certificate {sha256}")  # noqa: T201 - as above


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cloud-sync",
        description="Brings the sites' answers to Kafka and PostgreSQL.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("ingest", help="HTTPS to Kafka")
    commands.add_parser("sink", help="Kafka to PostgreSQL")
    commands.add_parser("migrate", help="the database's schema, and the topics")
    actions = commands.add_parser("tokens", help="which gateway a token belongs to").add_subparsers(
        dest="action", required=True, metavar="ACTION"
    )
    add = actions.add_parser("add", help="make a gateway's token and show it once")
    add.add_argument("site")
    add.add_argument("gateway")
    add.add_argument("--tenant")
    add.add_argument("--certificate", type=Path, help="PEM file of the gateway's, instead of a token")
    actions.add_parser("revoke", help="forget a gateway's tokens").add_argument("gateway")
    _add_codes(commands.add_parser("codes", help="one-time codes, for gateways that enrol by themselves"))
    return parser


def _add_codes(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="make a gateway's code and show it once")
    add.add_argument("site")
    add.add_argument("gateway")
    add.add_argument("--tenant")
    add.add_argument("--days", type=int, default=90, help="for so long it may be used; default 90")
    actions.add_parser("list", help="gateway, site and state of each code")
    actions.add_parser("revoke", help="forget a gateway's codes; its token stays").add_argument("gateway")


if __name__ == "__main__":
    sys.exit(main())
