"""`make package-test`: see `tests/package`. Needs root, systemd-nspawn and debootstrap; for arm64 qemu."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests import package
from tests.package import recording
from tests.package.debian import BUILD, Debians, Failed, Root, build, cannot_contain
from tests.package.image import built

if TYPE_CHECKING:
    from collections.abc import Callable

CONFIG = BUILD.parent / "config.toml"
OLD, NEW = "0.1.0", "0.1.1"


def main() -> int:
    """Carry out the parts that were asked for; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.package",
        description=package.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], metavar="PART", help="default: service")
    parser.add_argument("--roots", type=Path, default=Path("/var/tmp/edge-agent-roots"))
    parser.add_argument("--mirror", default="", help="default: the machine's own")
    asked = parser.parse_args()
    unable = cannot_contain()
    if unable is not None:
        print(f"SKIPPED: this machine runs no containers: {unable}")
        return 0
    debians, failed = Debians(asked.roots, asked.mirror), []
    for part in asked.parts or ["service"]:
        print(f"== {part}", flush=True)
        try:
            PARTS[part](debians)
        except (Failed, ValueError) as error:
            print(f"{error}\n{part}: FAILED", flush=True)
            failed.append(part)
    print("FAILED: " + ", ".join(failed) if failed else "PASSED")
    return int(bool(failed))


def service(debians: Debians, suite: int = 12) -> None:
    """Install, use, break, boot again, upgrade, cut off, put back, enrol, remove, purge."""
    with debians.copy(suite) as root:
        _build_both(root, suite)
        for stage in ("installed", "rebooted", "cut-off", "broker", "enrolled", "removed"):
            _tell(root.boot(stage))


def release(debians: Debians) -> None:
    """Upgrade Debian itself under an agent with data."""
    with debians.copy(12) as root:
        _build_both(root, 12)
        _tell(root.boot("installed"))
        print("Upgrading Debian 12 to 13 by apt", flush=True)
        build(root, "next.deb", suite=13, version=OLD)
        root.upgrade(12, 13, "next.deb")
        _tell(root.boot("upgraded"))


def arm64(debians: Debians) -> None:
    """Install under qemu, check, and replay a log there and here."""
    log, outcomes = "log.jsonl", {}
    for architecture in ("amd64", "arm64"):
        with debians.copy(12, architecture) as root:
            build(root, "edge-agent.deb", architecture=architecture, version=OLD)
            recording.write(root.path / "root" / log)
            root.run("dpkg", "-i", "/root/edge-agent.deb")
            print(root.run("edge-agent", "--version").strip(), "on", root.run("uname", "-m").strip())
            root.run("chmod", "755", "/root")
            print(root.run("sh", "-c", "edge-agent check; edge-agent models verify").rstrip())
            outcomes[architecture] = root.run("edge-agent", "replay", f"/root/{log}")
    _compare(outcomes["amd64"], outcomes["arm64"])


def image(debians: Debians) -> None:
    """Build the image under qemu, check, replay a log there and here, and run it until it is healthy."""
    with debians.copy(12, "arm64") as root, built(root, root.path.parent) as made:
        print(f"image: {made.size / 1e6:.1f} MB, user {made.settings['User']}", flush=True)
        print(made.agent("certificate", "gateway.lan").rstrip())
        made.agent("keys", "add", "admin")
        for command in (("check", "--configuration"), ("models", "verify")):
            print(made.agent(*command).rstrip())
        log = made.volume / "log.jsonl"
        recording.write(log)
        here = [sys.executable, "-m", "edge_agent", "--config", str(CONFIG), "replay", str(log)]
        outcomes = subprocess.run(here, capture_output=True, text=True, check=True).stdout
        _compare(outcomes, made.agent("replay", f"/var/lib/edge-agent/{log.name}"))
        print(made.run_until_healthy().splitlines()[-1])


def _compare(outcomes: str, others: str) -> None:
    """Say how far apart two replays are. Raises Failed where too far."""
    apart = recording.difference(outcomes, others)
    same = "byte for byte the same" if outcomes == others else f"at most {apart:.1e} apart"
    print(f"{recording.MESSAGES} messages, {len(outcomes.splitlines())} outcomes: {same}", flush=True)
    if apart > recording.TOLERANCE:
        message = f"outcomes are {apart:.1e} apart, allowed are {recording.TOLERANCE:.0e}"
        raise Failed(message)


def _build_both(root: Root, suite: int) -> None:
    build(root, "first.deb", suite=suite, version=OLD)
    made = build(root, "second.deb", suite=suite, version=NEW)
    print(f"package for Debian {suite}: {made.stat().st_size / 1e6:.1f} MB")


def _tell(lines: list[str]) -> None:
    print("\n".join(line.removeprefix(": ") for line in lines), flush=True)


PARTS: dict[str, Callable[[Debians], None]] = {
    "service": service,
    "service-13": lambda debians: service(debians, 13),
    "release": release,
    "arm64": arm64,
    "image": image,
}

if __name__ == "__main__":
    sys.exit(main())
