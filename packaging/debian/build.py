"""`make package`: Debian packages of the agent, one a suite and architecture, that install with no network.

Each holds an environment of its own under /usr/lib/edge-agent: Debian's Python, the wheels that the lock pins
with their hashes, the agent, its models. Wheels of another architecture are taken as they are; nothing is
compiled. The environment is in a folder of its version, and an upgrade unpacks the next beside it: cut off at
any moment, it leaves one that is whole, which the command takes (see the script `edge-agent`).
"""

from __future__ import annotations

import argparse
import gzip
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import shtab

from edge_agent.cli import parser

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LOCK = ROOT / "packaging/locks/package.lock"
NAME = "edge-agent"
HOMES = Path("usr/lib/edge-agent")
WHOLE = "whole"
"""dpkg unpacks by name and removes the other way round: this comes last, and goes first."""
OWN = ("edge_agent", "cloud_sync")
LEFT_OUT = ("simulator", "central", "__pycache__", "demo.py")
"""Of our own packages: what a gateway has no use for."""
NOT_NEEDED = ("tests", "test", "__pycache__", "tools")
"""Folders of the wheels that only developers have a use for."""


class Suite(NamedTuple):
    """A Debian release and its Python."""

    number: int
    python: str


class Machine(NamedTuple):
    """A processor as Debian and as wheels call it."""

    debian: str
    wheels: tuple[str, ...]


SUITES = (Suite(12, "3.11"), Suite(13, "3.13"))
BACKS_OFF = 13
"""The first Debian whose systemd (254) spaces restarts out."""
MACHINES = (
    Machine("amd64", ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")),
    Machine("arm64", ("manylinux_2_28_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64")),
)


def main() -> None:
    """Build what was asked for; all of it where nothing was."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--suite", type=int, choices=[suite.number for suite in SUITES])
    options.add_argument("--arch", choices=[machine.debian for machine in MACHINES])
    options.add_argument("--version", default=version(), help="default: the project's")
    options.add_argument("--out", type=Path, default=ROOT / "dist")
    options.add_argument(
        "--updates-root",
        type=Path,
        metavar="FILE",
        help="root.json of the models' repository; none: no updates",
    )
    asked = options.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    for suite in SUITES:
        for machine in MACHINES:
            if asked.suite in (None, suite.number) and asked.arch in (None, machine.debian):
                made = build(suite, machine, asked.version, asked.out, asked.updates_root)
                print(f"{made.name}  {made.stat().st_size / 1e6:.1f} MB", flush=True)


def version() -> str:
    """Return the project's version."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return str(told)


def build(suite: Suite, machine: Machine, told: str, out: Path, updates_root: Path | None = None) -> Path:
    """Make one package and return its file."""
    full = f"{told}~deb{suite.number}u1"
    home = HOMES / full
    with TemporaryDirectory() as folder:
        place = Path(folder)
        place.chmod(0o755)
        site = place / home / f"lib/python{suite.python}/site-packages"
        _install_wheels(suite, machine, site)
        _install_own(site, full)
        _install_environment(suite, place / home)
        _install_files(place, full)
        if updates_root is not None:
            _copy(updates_root, place / "usr/share/edge-agent/root.json")
        _install_units(suite, place)
        _install_control(suite, machine, full, place)
        file = out / f"{NAME}_{full}_{machine.debian}.deb"
        command = ["dpkg-deb", "--root-owner-group", "-Zzstd", "--build", str(place), str(file)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return file


def _install_wheels(suite: Suite, machine: Machine, site: Path) -> None:
    platforms = [option for name in machine.wheels for option in ("--platform", name)]
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"),
        *("--require-hashes", "--only-binary=:all:", "--no-compile", "--implementation", "cp"),
        *("--python-version", suite.python, *platforms),
        *("--target", str(site), "--requirement", str(LOCK)),
    ]
    subprocess.run(command, check=True)
    shutil.rmtree(site / "bin", ignore_errors=True)
    for path in [each for each in site.rglob("*") if each.name in NOT_NEEDED and each.is_dir()]:
        shutil.rmtree(path, ignore_errors=True)


def _install_own(site: Path, full: str) -> None:
    for name in OWN:
        shutil.copytree(ROOT / name, site / name, ignore=shutil.ignore_patterns(*LEFT_OUT))
    for name in MODELS:
        _copy(ROOT / "models" / name, site / "models" / name)
    told = site / "edge_agent/__init__.py"
    told.write_text(told.read_text().replace(f'"{version()}"', f'"{full.partition("~")[0]}"'))


def _install_environment(suite: Suite, home: Path) -> None:
    """Make a virtual environment by hand: one that `venv` makes knows the path that it was made at."""
    (home / "bin").mkdir(parents=True)
    (home / "bin/python3").symlink_to(f"/usr/bin/python{suite.python}")
    (home / "pyvenv.cfg").write_text(
        f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {suite.python}\n"
    )
    (home / WHOLE).touch()


FILES = (
    ("packaging/debian/edge-agent", "usr/bin/edge-agent", 0o755),
    ("packaging/debian/edge-agent-broker", "usr/sbin/edge-agent-broker", 0o755),
    ("packaging/debian/config.toml", "etc/edge-agent/config.toml", 0o644),
    ("packaging/debian/sysusers.conf", "usr/lib/sysusers.d/edge-agent.conf", 0o644),
    ("packaging/debian/tmpfiles.conf", "usr/lib/tmpfiles.d/edge-agent.conf", 0o644),
    ("packaging/mosquitto/edge-agent.conf", "usr/share/edge-agent/mosquitto/edge-agent.conf", 0o644),
    ("packaging/mosquitto/acl", "usr/share/edge-agent/mosquitto/edge-agent.acl", 0o644),
    ("docs/configuration.md", "usr/share/doc/edge-agent/configuration.md", 0o644),
    ("LICENSE", "usr/share/doc/edge-agent/copyright", 0o644),
)
COMPLETIONS = {
    "bash": "usr/share/bash-completion/completions/edge-agent",
    "zsh": "usr/share/zsh/vendor-completions/_edge-agent",
}
MODELS = ("manifest.json", "failure_predictor.onnx", "anomaly_detector.onnx")


def _install_files(place: Path, full: str) -> None:
    for source, target, mode in FILES:
        _copy(ROOT / source, place / target, mode)
    manual = (HERE / "edge-agent.1").read_text().replace("@VERSION@", full).encode()
    _pack(manual, place / "usr/share/man/man1/edge-agent.1.gz")
    for shell, target in COMPLETIONS.items():
        _write(shtab.complete(parser(), shell), place / target)
    _pack((ROOT / "CHANGELOG.md").read_bytes(), place / "usr/share/doc/edge-agent/changelog.gz")


def _install_units(suite: Suite, place: Path) -> None:
    """Write the units; an older systemd would warn of the back-off that it does not know."""
    unknown = () if suite.number >= BACKS_OFF else ("RestartSteps=", "RestartMaxDelaySec=")
    folder = place / "usr/lib/systemd/system"
    folder.mkdir(parents=True)
    for unit in sorted((ROOT / "systemd").iterdir()):
        lines = unit.read_text().splitlines(keepends=True)
        (folder / unit.name).write_text("".join(line for line in lines if not line.startswith(unknown)))


def _copy(source: Path, target: Path, mode: int = 0o644) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(mode)


def _write(text: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def _pack(content: bytes, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(gzip.compress(content, mtime=0))


def _install_control(suite: Suite, machine: Machine, full: str, place: Path) -> None:
    control = place / "DEBIAN"
    control.mkdir()
    major, minor = suite.python.split(".")
    told = (HERE / "control").read_text()
    size = sum(path.lstat().st_size for path in _files(place)) // 1024
    for name, value in {
        "@VERSION@": full,
        "@ARCHITECTURE@": machine.debian,
        "@PYTHON@": f"python3 (>= {suite.python}), python3 (<< {major}.{int(minor) + 1})",
        "@SIZE@": str(size),
    }.items():
        told = told.replace(name, value)
    (control / "control").write_text(told)
    (control / "conffiles").write_text("/etc/edge-agent/config.toml\n")
    for script in ("postinst", "prerm", "postrm"):
        shutil.copyfile(HERE / script, control / script)
        (control / script).chmod(0o755)


def _files(place: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(place):
        yield from (Path(folder) / name for name in names)


if __name__ == "__main__":
    main()
