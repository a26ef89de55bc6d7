"""Fills the root of the image: the agent's environment, and of the base only what that environment needs.

No shell and no package manager: what is not there need not be updated, and serves no intruder. Which
libraries are needed is what the loader says; scanners find the packages they came from in
/var/lib/dpkg/status.d, where they look in such images.

Runs in the base, by its Python: image.py ENVIRONMENT ROOT
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

PROGRAMS = ("/usr/bin/openssl",)
"""`edge-agent certificate` runs it."""
FILES = (
    *("/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/ld.so.cache", "/etc/os-release"),
    *("/etc/ssl/openssl.cnf", "/usr/lib/ssl/openssl.cnf"),
    "/etc/ssl/certs/ca-certificates.crt",
)
MERGED = ("/bin", "/lib", "/lib64", "/sbin")
"""Debian's links into /usr."""
NOT_NEEDED = (
    *("__pycache__", "site-packages", "dist-packages", "config-*", "test", "tests"),
    *("ensurepip", "idlelib", "lib2to3", "tkinter", "turtledemo", "pydoc_data"),
    *("readline.*", "_curses*", "_dbm.*", "_gdbm.*", "nis.*", "_tkinter.*"),
)
"""Of Python's own library; the last are what alone needs some of Debian's."""
STATUS = Path("var/lib/dpkg/status.d")
LIBRARY = re.compile(r"(/\S+) \(0x")
"""A file in a line of ldd; what the kernel lends has no path."""


def main() -> None:
    """Fill the root that is named."""
    environment, root = (Path(argument) for argument in sys.argv[1:])
    for link in (Path(name) for name in MERGED):
        if link.is_symlink():
            (root / link.name).symlink_to(link.readlink())
    modules = Path(sysconfig.get_path("stdlib"))
    shutil.copytree(modules, root / modules.relative_to("/"), ignore=shutil.ignore_patterns(*NOT_NEEDED))
    shutil.copytree(environment, root / environment.relative_to("/"), symlinks=True)
    compiled = [*root.rglob("*.so*"), environment / "bin/python3", *(Path(program) for program in PROGRAMS)]
    copied = [path for each in (*PROGRAMS, *FILES, *_needed(compiled)) for path in _copy(Path(each), root)]
    _tell_scanners([*copied, modules / "os.py"], root)


def _needed(compiled: list[Path]) -> set[str]:
    """Return the libraries that the loader takes for these files, itself included."""
    return set(LIBRARY.findall(_said("ldd", *map(str, compiled))))


def _said(*command: str) -> str:
    """Return what a program prints. That it knows nothing of some of the files is no fault."""
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout


def _copy(path: Path, root: Path) -> Iterator[Path]:
    """Copy a file, and what it links to, step by step; yield each."""
    place = path.parent.resolve() / path.name
    target = root / place.relative_to("/")
    if target.is_symlink() or target.exists() or not place.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(place, target, follow_symlinks=False)
    yield place
    if place.is_symlink():
        yield from _copy(place.parent / place.readlink(), root)


def _tell_scanners(copied: list[Path], root: Path) -> None:
    """Keep dpkg's word on each package that something was copied of."""
    if shutil.which("dpkg-query") is None:
        return
    # Before Debian 13 dpkg knows the files of /usr/lib as those of /lib.
    names = [name for path in copied for name in (str(path), str(path).removeprefix("/usr"))]
    owners = {line.partition(": ")[0] for line in _said("dpkg-query", "--search", *names).splitlines()}
    (root / STATUS).mkdir(parents=True)
    for package in {owner for told in owners for owner in told.split(", ")}:
        status = _said("dpkg-query", "--status", package)
        (root / STATUS / package.partition(":")[0]).write_text(status)


if __name__ == "__main__":
    main()
