"""The gateway's side of enrolment: one question to the central ingest."""

from __future__ import annotations

import ssl

import httpx

from cloud_sync.uplink import IGNORE_DATES
from edge_agent.errors import EdgeAgentError
from edge_agent.wire.enrolment import Enrolment, EnrolmentRequest

PATH = "/v1/enrol"
TIMEOUT_S = 20.0


def enrol(url: str, asked: EnrolmentRequest, ca: str | None, *, clock_is_set: bool) -> Enrolment:
    """Return the place that a code is for. It may be asked again: the answer stays the same.

    ca: certificates of the authorities to trust, PEM; None: the system's. clock_is_set: else no certificate
    is valid by its dates, and they are not looked at.
    Raises: EdgeAgentError where nobody answers, or the code is refused.
    """
    try:
        answer = httpx.post(
            url.rstrip("/") + PATH,
            content=asked.model_dump_json(),
            headers={"Content-Type": "application/json"},
            verify=_trusting(ca, clock_is_set=clock_is_set),
            timeout=TIMEOUT_S,
        )
    except (httpx.HTTPError, OSError) as error:
        raise EdgeAgentError(f"{url} cannot be reached, try again later: {error}") from error
    try:
        if answer.is_success:
            return Enrolment.model_validate_json(answer.content)
        reason = str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        reason = f"it answers {answer.status_code}: is it the ingest's address?"
    raise EdgeAgentError(f"{url} does not take the code: {reason}")


def _trusting(ca: str | None, *, clock_is_set: bool) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=ca)
    except ssl.SSLError as error:
        raise EdgeAgentError(f"the file's ca is no certificate in PEM: {error.reason}") from error
    if not clock_is_set:
        context.verify_flags |= ssl.VerifyFlags(IGNORE_DATES)
    return context
