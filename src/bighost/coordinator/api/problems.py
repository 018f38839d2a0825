"""Errors as `application/problem+json` (RFC 9457): what happened, what to do, and whose fault it is.

The `type` is `urn:bighost:` and the error's class, so that a client can tell them apart.
"""

from __future__ import annotations

from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from bighost.coordinator.accounts import NotThere
from bighost.coordinator.catalogue import NoAssignment
from bighost.coordinator.intake import Busy, HandInTooLarge, TriesUsedUp
from bighost.coordinator.marker import Unwanted
from bighost.errors import (
    AssignmentError,
    BigHostError,
    NetworkError,
    OperatorError,
    Refused,
    StoreFault,
    StudentError,
)
from bighost.job.state import IllegalStep
from bighost.store.blobs import BadDigest, Missing, TooLarge
from bighost.wire.http import Problem

log = structlog.get_logger()


class TooLate(OperatorError):
    """The job is in a state in which this can't be done."""


# The first class that an error belongs to gives its status.
_STATUS: tuple[tuple[type[BigHostError], int], ...] = (
    (TriesUsedUp, 429),
    (Busy, 429),
    (Unwanted, 410),
    (NotThere, 404),
    (NoAssignment, 404),
    (Missing, 404),
    (TooLate, 409),
    (BadDigest, 400),
    (TooLarge, 413),
    (HandInTooLarge, 413),
    (StoreFault, 507),
    (IllegalStep, 409),
    (Refused, 403),
    (StudentError, 422),
    (AssignmentError, 422),
    (OperatorError, 422),
    (NetworkError, 400),
)
_DESCRIBED = "What may be asked, and how, is described at /api/schema."
_HINTS = {400: _DESCRIBED, 405: _DESCRIBED, 413: "Hand in the programs only, not their data."}


def of_bighost(_: Request[Any, Any, Any], error: BigHostError) -> Response[bytes]:
    """An error of ours that has a sentence and a hint."""
    status = next((s for kind, s in _STATUS if isinstance(error, kind)), 500)
    if status == 500:
        log.error("request failed", action="request_failed", exc_info=error)
    headers = {"retry-after": "60"} if isinstance(error, Busy) else None
    return _response(_name(error), status, error.message, error.hint, headers)


def of_http(_: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """An error of the web framework: a bad request, an unknown path."""
    detail = error.detail
    if error.extra:
        detail = f"{detail}: {'; '.join(map(_part, error.extra))}"
    hint = _HINTS.get(error.status_code, "")
    return _response(type(error).__name__, error.status_code, detail, hint, error.headers)


def of_nesting(_: Request[Any, Any, Any], __: RecursionError) -> Response[bytes]:
    """JSON that is nested a thousand times: only bodies are read in routes, so it is the sender's doing."""
    return _response("ValidationException", 400, "The body is nested too deeply.", _DESCRIBED)


def of_bug(_: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Anything else is a bug of ours; the log has it, the answer doesn't show our insides."""
    log.error("request failed", action="request_bug", exc_info=error)
    hint = "This is a fault of BigHOST, not yours; the coordinator's log has more."
    return _response("Ours", 500, "Something went wrong inside the coordinator.", hint)


def _part(found: object) -> str:
    """One thing that Litestar found in a request: where, and what."""
    if not isinstance(found, dict):
        return str(found)
    return ": ".join(str(found[name]) for name in ("key", "message") if name in found)


def _name(error: BigHostError) -> str:
    return type(error).__name__


def _response(
    kind: str, status: int, detail: str, hint: str, headers: dict[str, str] | None = None
) -> Response[bytes]:
    problem = Problem(type=f"urn:bighost:{kind}", title=kind, status=status, detail=detail, hint=hint)
    return Response(
        content=msgspec.json.encode(problem),
        status_code=status,
        media_type="application/problem+json",
        headers=headers,
    )
