"""The command line: what can be asked, and which function of `edge_agent.commands` carries it out."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from edge_agent import __version__
from edge_agent.errors import EdgeAgentError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

EXAMPLES = """examples:
  edge-agent demo                          a simulated site on this machine, with a page
  edge-agent --config site.toml check      is everything in order?
  edge-agent check --topic meters/CP1      what a sample message, on standard input, would become
  edge-agent --config site.toml run        the daemon
  edge-agent keys add technician           a key for the page
  edge-agent models install /media/stick   newer models without internet
  edge-agent certificate 192.168.1.7       HTTPS for phones on the LAN
  edge-agent status                        chargers, risks, alerts as a table
  edge-agent record log.jsonl              what arrives, without names, for support
  edge-agent replay log.jsonl              what a recorded log leads to
  edge-agent charger retire CHG_007        it has left the site; its history stays
  edge-agent enrol                         the code on the boot partition becomes site and token
  edge-agent bundle                        one file for support, without secrets and names
  edge-agent store export site.jsonl.gz    all that the store knows, as JSON lines
"""


EVER = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command and return its exit code: 0 well, 1 it failed, 2 it was asked wrongly."""
    asked = parser().parse_args(arguments)
    try:
        return _carry_out(asked)
    except EdgeAgentError as error:
        for sentence in getattr(error, "faults", [str(error)]):
            print(f"edge-agent: {sentence}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1


def _carry_out(asked: argparse.Namespace) -> int:
    """Import the command only now: each needs but a part of the packages."""
    name = f"edge_agent.commands.{asked.command}"
    try:
        command = import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise EdgeAgentError(f"{asked.command} is not in this package; run it from a checkout") from None
    return int(asked.call(command, asked))


def _check(command: ModuleType, asked: argparse.Namespace) -> int:
    if asked.topic is not None:
        return int(command.show_sample(asked.config, asked.topic, asked.payload))
    if asked.configuration:
        return int(command.check_configuration(asked.config))
    if asked.daemon:
        return int(command.check_daemon(asked.config))
    return int(command.check(asked.config))


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    parser = argparse.ArgumentParser(
        prog="edge-agent",
        description="Judges an EV charging site's chargers on the spot and loses nothing.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"edge-agent {__version__}")
    parser.add_argument("--config", type=Path, metavar="FILE", help="default: /etc/edge-agent/config.toml")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_run(commands.add_parser("run", help="the daemon"))
    _add_check(
        commands.add_parser(
            "check", help="configuration, store, models, certificates, broker, clock; a line each"
        )
    )
    _add_status(commands.add_parser("status", help="chargers, risks and alerts as a table"))
    _add_demo(commands.add_parser("demo", help="broker, simulated site with faults, agent and page in one"))
    _add_replay(commands.add_parser("replay", help="a recorded log through the whole pipeline"))
    _add_record(commands.add_parser("record", help="what arrives, without names, into a file for replay"))
    _add_certificate(commands.add_parser("certificate", help="a certificate of the gateway's own, for HTTPS"))
    _add_models(commands.add_parser("models", help="which models judge, and how newer ones come"))
    _add_keys(commands.add_parser("keys", help="API keys, shown once, stored hashed"))
    _add_charger(commands.add_parser("charger", help="a charger has left the site, or was replaced"))
    _add_bundle(commands.add_parser("bundle", help="what support needs to see, without secrets and names"))
    _add_enrol(commands.add_parser("enrol", help="a one-time code becomes this gateway's site and token"))
    _add_store(commands.add_parser("store", help="the local store: looked at, taken along, mended"))
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(call=lambda command, asked: command.run(asked.config))


def _add_status(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(call=lambda command, asked: command.status(asked.config))


def _add_demo(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(call=lambda command, asked: command.demo(asked.chargers, asked.speed, asked.port))
    parser.add_argument("--chargers", type=_count, default=6, metavar="N", help="default 6")
    parser.add_argument("--speed", type=_speed, default=1.0, metavar="X", help="times real speed; default 1")
    parser.add_argument("--port", type=_port, default=8080, metavar="P", help="of the page; default 8080")


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(call=_check)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--configuration", action="store_true", help="look at the configuration alone")
    which.add_argument("--daemon", action="store_true", help="look whether the daemon on this machine serves")
    which.add_argument("--topic", help="show instead what a sample message on this topic would become")
    parser.add_argument(
        "--payload",
        type=Path,
        metavar="FILE",
        help="the sample's payload; default: what comes on standard input",
    )


def _add_replay(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(call=lambda command, asked: command.replay(asked.files, asked.prefix, asked.config))
    parser.add_argument(
        "files", type=Path, nargs="+", metavar="FILE", help='JSON lines {"topic", "payload", "at"}'
    )
    parser.add_argument("--prefix", help="of the topics; default: what stands before /chargers/ in the first")


def _add_record(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(call=lambda command, asked: command.record(asked.config, asked.file, asked.minutes))
    parser.add_argument("file", type=Path, metavar="FILE", help="a new file")
    parser.add_argument("--minutes", type=_minutes, default=10.0, metavar="M", help="default 10")


def _add_certificate(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(
        call=lambda command, asked: command.certificate(asked.config, asked.names, renew=asked.renew)
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="names or addresses besides the host's own, such as 192.168.1.7",
    )
    parser.add_argument("--renew", action="store_true", help="replace the one that is there")


def _add_models(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = actions.add_parser("list", help="the releases that are here, and how far a trial has come")
    listed.set_defaults(call=lambda command, asked: command.show(asked.config))
    verify = actions.add_parser("verify", help="run every check on them, golden answers too")
    verify.set_defaults(call=lambda command, asked: command.verify(asked.config, asked.directory))
    verify.add_argument("directory", type=Path, nargs="?", metavar="DIR", help="only on the models in there")
    fetch = actions.add_parser(
        "fetch", help="the newest release of [models] repository_url; a timer does so at night"
    )
    fetch.set_defaults(call=lambda command, asked: command.fetch(asked.config))
    install = actions.add_parser("install", help="the newest release of a copy of the repository on a stick")
    install.set_defaults(
        call=lambda command, asked: command.install(
            asked.config, asked.copy, accept_expired=asked.accept_expired
        )
    )
    install.add_argument("copy", type=Path, metavar="DIR", help="with the folders metadata and targets")
    install.add_argument(
        "--accept-expired",
        action="store_true",
        help="for a copy that was long on its way; only if it is newer",
    )
    rollback = actions.add_parser("rollback", help="take back the release that is tried, or that judges")
    rollback.set_defaults(call=lambda command, asked: command.rollback(asked.config, asked.release))
    rollback.add_argument("release", type=int, nargs="?", help="to this one; default: to the one before it")


def _add_keys(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="make a key and show it once")
    add.set_defaults(call=lambda command, asked: command.add(asked.config, asked.role, asked.label))
    add.add_argument("role", choices=("viewer", "technician", "admin"))
    add.add_argument("--label", default="", help="whose it is")
    listed = actions.add_parser("list", help="id, role, age and label of each key")
    listed.set_defaults(call=lambda command, asked: command.show(asked.config))
    revoke = actions.add_parser("revoke", help="forget a key")
    revoke.set_defaults(call=lambda command, asked: command.revoke(asked.config, asked.id))
    revoke.add_argument("id", help="as `list` shows it")


def _add_charger(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(
        call=lambda command, asked: command.charger(
            asked.config, asked.action, asked.id, asked.by, asked.note
        )
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for action, told in (
        ("retire", "it has left the site: its topics, alerts and suggestions go, its history stays"),
        ("replace", "another device has its name: what is normal is learned anew, its history stays"),
    ):
        taken = actions.add_parser(action, help=told)
        taken.add_argument("id", metavar="ID", help="as `status` shows it")
        taken.add_argument("--by", default="command line", help="your role or initials, for the record")
        taken.add_argument("--note", help="why, for the record")


def _add_bundle(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(call=lambda command, asked: command.bundle(asked.config, asked.file))
    parser.add_argument(
        "file", type=Path, nargs="?", metavar="FILE", help="a new file; default: one for temporary files"
    )


def _add_enrol(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(call=lambda command, asked: command.enrol(asked.config, asked.file))
    parser.add_argument(
        "file", type=Path, nargs="?", metavar="FILE", help="default: edge-agent-enrol on the boot partition"
    )


def _add_store(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser("check", help="is it sound? A line for each table; the agent may run")
    check.set_defaults(call=lambda command, asked: command.check(asked.config))
    export = actions.add_parser("export", help="all that it knows, as JSON lines; the agent may run")
    export.set_defaults(
        call=lambda command, asked: command.export(asked.config, asked.file, asked.since, asked.until)
    )
    export.add_argument("file", type=Path, metavar="FILE", help="a new file; packed if it ends in .gz")
    export.add_argument("--since", type=_moment, default=EVER[0], metavar="TIME", help="such as 2026-03-01")
    export.add_argument("--until", type=_moment, default=EVER[1], metavar="TIME", help="up to before then")
    repair = actions.add_parser("repair", help="a new store of what can be read of a damaged one")
    repair.set_defaults(call=lambda command, asked: command.repair(asked.config, asked.file))
    repair.add_argument(
        "file", type=Path, nargs="?", metavar="FILE", help="one that was set aside; default: the one there"
    )


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("write it as 2026-03-01 or 2026-03-01T12:00:00Z, UTC") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 200:  # noqa: PLR2004 - stated in the message
        raise argparse.ArgumentTypeError("from 1 to 200")
    return number


def _minutes(text: str) -> float:
    number = float(text)
    if not 0.01 <= number <= 1440:  # noqa: PLR2004 - stated in the message
        raise argparse.ArgumentTypeError("from 0.01 to 1440")
    return number


def _port(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 65535:  # noqa: PLR2004 - stated in the message
        raise argparse.ArgumentTypeError("from 1 to 65535")
    return number


def _speed(text: str) -> float:
    number = float(text)
    if not 0.1 <= number <= 1000:  # noqa: PLR2004 - stated in the message
        raise argparse.ArgumentTypeError("from 0.1 to 1000")
    return number
