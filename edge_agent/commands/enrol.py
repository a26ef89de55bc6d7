"""`edge-agent enrol`: a one-time code, in a file on the boot partition, becomes this gateway's place.

on disk after each step              a power cut here leaves
the token that it made for itself    one that asks with the same token
(central knows the token's hash)     one that asks again, and is answered the same
enrolment.toml                       one that is enrolled, and has its code still to remove
no code file                         one that is enrolled
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from cloud_sync.enrolment import enrol as ask
from edge_agent.clock import SystemClock
from edge_agent.config import DEFAULT_PATH, ENROLMENT, LOOPBACK
from edge_agent.durable import replace, sync
from edge_agent.errors import EdgeAgentError
from edge_agent.wire.enrolment import TOKEN_PREFIX, EnrolmentRequest

if TYPE_CHECKING:
    from edge_agent.wire.enrolment import Enrolment

PLACES = (Path("/boot/firmware/edge-agent-enrol"), Path("/boot/edge-agent-enrol"))
TOKEN, AUTHORITIES = "uplink.token", "uplink-ca.pem"
SECRET = 0o640


def _encrypted(url: str) -> str:
    place = urlsplit(url)
    if place.scheme != "https" and place.hostname not in LOOPBACK:
        message = "the code must not be read on its way: write https://"
        raise ValueError(message)
    return url


class CodeFile(BaseModel):
    """What an integrator writes. ca: authorities to trust for the central side, PEM; none: the system's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Annotated[str, Field(pattern=r"^https?://[^/?#\s]+[^?#\s]*$"), AfterValidator(_encrypted)]
    code: Annotated[str, Field(min_length=16, max_length=128)]
    ca: str | None = None


def enrol(config_path: Path | None, code_file: Path | None) -> int:
    """Enrol this gateway, and make the code file useless. It may be called as often as it takes.

    Raises: EdgeAgentError where there is no code, nobody answers, or nothing can be written.
    """
    file, home = _found(code_file), (config_path or DEFAULT_PATH).parent
    if _is_spent(file):
        return int(not _spend(file, home))
    told = _read(file)
    made = home / f"{TOKEN}.for-{_hashed(told.code)[:16]}"
    token = _token(made)
    if _is_enrolled(home, token):
        print("this gateway is enrolled already")
    else:
        asked = EnrolmentRequest(code=told.code, token_sha256=_hashed(token))
        place = ask(told.url, asked, told.ca, clock_is_set=SystemClock().trust() != "unsynced")
        _settle(home, told, token, place)
        print(f"this is gateway {place.gateway_id} of site {place.site_id}; it takes effect with a restart")
    _spend(file, home)
    return 0


def _found(code_file: Path | None) -> Path:
    places = PLACES if code_file is None else (code_file,)
    for place in places:
        if place.exists():
            return place
    raise EdgeAgentError(
        f"there is no code in {' or '.join(map(str, places))}: write url and code into it, JSON or TOML"
    )


def _read(file: Path) -> CodeFile:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise EdgeAgentError(f"cannot read {file}: {error}") from error
    try:
        return CodeFile.model_validate(_parsed(text))
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        told = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in faults)
        raise EdgeAgentError(f"{file} cannot be used: {told}") from None
    except ValueError as error:
        raise EdgeAgentError(f"{file} is neither JSON nor TOML: {error}") from None


def _parsed(text: str) -> Any:  # noqa: ANN401 - whatever stands in it
    return json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)


def _token(made: Path) -> str:
    """Return the token that was made for this code, or make one: it is on disk before it is used."""
    if not made.exists():
        _keep(made, TOKEN_PREFIX + secrets.token_urlsafe(32))
    return made.read_text().strip()


def _is_enrolled(home: Path, token: str) -> bool:
    held = home / TOKEN
    return (home / ENROLMENT).exists() and held.exists() and held.read_text().strip() == token


def _settle(home: Path, told: CodeFile, token: str, place: Enrolment) -> None:
    """Write down what this gateway is; the settings last, for they name the other files."""
    sync = {"enabled": True, "url": told.url, "token_file": str(home / TOKEN)}
    if told.ca is not None:
        _keep(home / AUTHORITIES, told.ca)
        sync["ca_file"] = str(home / AUTHORITIES)
    _keep(home / TOKEN, token)
    lines = [
        "# By `edge-agent enrol`. What stands here counts instead of what config.toml says of it.",
        *(f"{name} = {json.dumps(getattr(place, name))}" for name in ("site_id", "gateway_id")),
        "[sync]",
        *(f"{name} = {json.dumps(value)}" for name, value in sync.items()),
    ]
    _keep(home / ENROLMENT, "\n".join(lines))


def _keep(path: Path, text: str) -> None:
    """Write a file for the daemon's group, whole or not at all, and so that it survives a power cut."""
    group = (-1, path.parent.stat().st_gid) if os.geteuid() == 0 else None
    try:
        replace(path, f"{text}\n".encode(), SECRET, group)
    except OSError as error:
        raise EdgeAgentError(f"cannot write {path}: {error.strerror}; call it as root") from error


def _is_spent(file: Path) -> bool:
    """Tell whether a power cut left a code file with nothing in it. Raises EdgeAgentError."""
    try:
        return not file.read_bytes().strip(b"\0")
    except OSError as error:
        raise EdgeAgentError(f"cannot read {file}: {error.strerror}") from error


def _spend(file: Path, home: Path) -> bool:
    """Make the code file useless; say what to do where that cannot be, and return whether it was done."""
    try:
        with file.open("r+b") as held:
            held.write(bytes(file.stat().st_size))
            held.flush()
            os.fsync(held.fileno())
        file.unlink()
        sync(file.parent)
    except OSError as error:
        print(
            f"edge-agent: {file} cannot be removed: {error.strerror}. No other gateway can use its code; "
            "remove it once the partition can be written to",
            file=sys.stderr,
        )
        return False
    for made in home.glob(f"{TOKEN}.for-*"):
        made.unlink()
    return True


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
