"""Roots of Debian: made once by debootstrap, copied for each part, booted or entered by systemd-nspawn."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / "packaging/debian/build.py"
PACKAGES = (
    "systemd,systemd-sysv,dbus,python3,python3-venv,openssl,mosquitto,mosquitto-clients,iproute2,procps"
)
NAMES = {12: "bookworm", 13: "trixie"}
BOOT_S = 400
CPUINFO = '[ ! -e /root/cpuinfo ] || mount --bind /root/cpuinfo /proc/cpuinfo; exec "$@"'
"""qemu 7.2 shows the host's, in which ONNX Runtime looks for an ARM processor and, finding none, crashes."""
UNIT = """[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/sh /root/carry-out.sh
[Install]
WantedBy=multi-user.target
"""


class Failed(Exception):
    """A part did not pass; it says why."""


def said(command: Sequence[str], what: str, environment: Mapping[str, str] | None = None) -> str:
    """Run a command and return what it prints. what: to call it by. Raises Failed where it fails."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{what}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


class Root(NamedTuple):
    """A copy of a Debian that is a part's own."""

    path: Path

    def put(self, source: Path, name: str) -> None:
        """Copy a file into its /root."""
        shutil.copyfile(source, self.path / "root" / name)

    def run(self, *command: str) -> str:
        """Run a command in it, with no network and no init; return what it prints. Raises Failed."""
        own = [*_nspawn(self.path, "--pipe"), "sh", "-c", CPUINFO, "sh", *command]
        return said(own, " ".join(command))

    def upgrade(self, suite: int, to: int, package: str) -> None:
        """Have apt bring Debian to another release, and the agent with it to a package. Raises Failed."""
        self.put(HERE / "inside/dist-upgrade.sh", "dist-upgrade.sh")
        script = ["sh", "-eux", "/root/dist-upgrade.sh", NAMES[suite], NAMES[to], package]
        own = [*_nspawn(self.path, "--pipe", "--bind-ro=/etc/resolv.conf", network=True), *script]
        said(own, "the upgrade of Debian")

    def boot(self, stage: str) -> list[str]:
        """Boot it, let a script of `inside` run, return what that says of itself. Raises Failed."""
        for name in ("carry-out.sh", "lib.sh", "api.py", "central.py"):
            self.put(HERE / "inside" / name, name)
        self.put(HERE / "inside" / f"{stage}.sh", "stage.sh")
        wants = self.path / "etc/systemd/system/multi-user.target.wants"
        wants.mkdir(parents=True, exist_ok=True)
        (wants / "package-test.service").unlink(missing_ok=True)
        (wants.parent / "package-test.service").write_text(UNIT)
        (wants / "package-test.service").symlink_to("../package-test.service")
        log = self.path / "root/log"
        log.write_text("")
        # SIGTERM has it power the container down; killed at once, it would leave that behind.
        command = ["timeout", "--kill-after=60", str(BOOT_S), *_nspawn(self.path, "--boot")]
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
        lines = log.read_text().splitlines()
        if lines[-1:] != ["PASSED"]:
            raise Failed("\n".join(lines[-60:]))
        return [line[2:] for line in lines if line.startswith(("+ : ", "= "))]


class Debians:
    """Makes roots, each base once, in a folder."""

    def __init__(self, folder: Path, mirror: str) -> None:
        self._folder = folder
        self._mirror = [mirror] if mirror else []
        folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def copy(self, suite: int, architecture: str = "amd64") -> Iterator[Root]:
        """Yield a root that is removed afterwards."""
        base = self._base(suite, architecture)
        with TemporaryDirectory(dir=self._folder, prefix="run-") as folder:
            root = Root(Path(folder) / "root")
            subprocess.run(["cp", "-a", "--reflink=auto", str(base), str(root.path)], check=True)
            if architecture == "arm64":
                root.put(HERE / "inside/cpuinfo", "cpuinfo")
            yield root

    def _base(self, suite: int, architecture: str) -> Path:
        base = self._folder / f"{NAMES[suite]}-{architecture}"
        whole = base / "root/whole"
        if not whole.exists():
            shutil.rmtree(base, ignore_errors=True)
            print(f"Making Debian {suite} for {architecture} in {base} (some minutes)", flush=True)
            options = ["--variant=minbase", f"--arch={architecture}", f"--include={PACKAGES}"]
            command = ["debootstrap", *options, NAMES[suite], str(base), *self._mirror]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            whole.touch()
        return base


def cannot_contain() -> str | None:
    """Return why this machine cannot run containers; None where it can."""
    probe = [*_nspawn(Path("/"), "--pipe", "--volatile=yes"), "true"]
    done = subprocess.run(probe, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else done.stderr.strip() or f"exit code {done.returncode}"


def build(
    root: Root, name: str, *, suite: int = 12, architecture: str = "amd64", version: str = "0.1.0"
) -> Path:
    """Make a package, put it into a root as `name`, and return where it lies there."""
    with TemporaryDirectory() as out:
        options = ["--suite", str(suite), "--arch", architecture, "--version", version, "--out", out]
        subprocess.run([sys.executable, str(BUILD), *options], check=True, stdout=subprocess.DEVNULL)
        root.put(next(Path(out).glob("*.deb")), name)
    return root.path / "root" / name


def _nspawn(path: Path, *options: str, network: bool = False) -> Sequence[str]:
    return (
        *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit"),
        *(() if network else ("--private-network",)),
        *options,
        *("-D", str(path)),
    )
