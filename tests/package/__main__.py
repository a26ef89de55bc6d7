"""`make package-test`: the amd64 package in a booted Debian 12 without a network, from install to purge.

Needs root, systemd-nspawn and debootstrap. The root of Debian is made once, in the folder that --roots names.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / "packaging/debian/build.py"
PACKAGES = "systemd,systemd-sysv,dbus,python3,openssl,mosquitto,mosquitto-clients,iproute2"
SUITE, NAME = 12, "bookworm"
UNIT = """[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'sh /root/inside.sh >/root/log 2>&1; systemctl poweroff'
[Install]
WantedBy=multi-user.target
"""
BOOT_S = 300


def main() -> int:
    """Build, boot, install, judge; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--roots", type=Path, default=Path("/var/tmp/edge-agent-roots"))
    parser.add_argument("--mirror", default="", help="default: the machine's own")
    asked = parser.parse_args()
    base = _base(asked.roots / NAME, asked.mirror)
    with TemporaryDirectory(dir=asked.roots, prefix="run-") as folder:
        root = Path(folder) / "root"
        subprocess.run(["cp", "-a", "--reflink=auto", str(base), str(root)], check=True)
        for name, version in (("first", "0.1.0"), ("second", "0.1.1")):
            _build(version, root / f"root/{name}.deb")
        return _judge(root)


def _base(root: Path, mirror: str) -> Path:
    """Return a root of Debian, made where it is not there yet."""
    if not (root / "usr/bin/mosquitto_pub").exists():
        shutil.rmtree(root, ignore_errors=True)
        root.parent.mkdir(parents=True, exist_ok=True)
        print(f"Making a root of Debian in {root} (some minutes)", flush=True)
        command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", NAME, str(root)]
        subprocess.run([*command, *([mirror] if mirror else [])], check=True, stdout=subprocess.DEVNULL)
    return root


def _build(version: str, target: Path) -> None:
    with TemporaryDirectory() as out:
        command = [sys.executable, str(BUILD), "--suite", str(SUITE), "--arch", "amd64"]
        subprocess.run([*command, "--version", version, "--out", out], check=True)
        shutil.move(next(Path(out).glob("*.deb")), target)


def _judge(root: Path) -> int:
    for name in ("inside.sh", "api.py"):
        shutil.copyfile(HERE / name, root / "root" / name)
    units = root / "etc/systemd/system"
    (units / "multi-user.target.wants").mkdir(parents=True, exist_ok=True)
    (units / "package-test.service").write_text(UNIT)
    (units / "multi-user.target.wants/package-test.service").symlink_to("../package-test.service")
    print("Booting it without a network", flush=True)
    # SIGTERM has it power the container down; killed at once, it would leave that behind.
    command = [
        "timeout",
        "--kill-after=60",
        str(BOOT_S),
        "systemd-nspawn",
        "--quiet",
        "--boot",
        "--private-network",
        "--register=no",
        "--keep-unit",
    ]
    subprocess.run([*command, "-D", str(root)], check=False, stdout=subprocess.DEVNULL)
    log = (root / "root/log").read_text()
    passed = log.rstrip().endswith("PASSED")
    print("\n".join(line for line in log.splitlines() if line.startswith("+ : ")) if passed else log)
    print("PASSED" if passed else "FAILED")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
