"""Names that travel: job ids are random, so that none can be guessed; the rest is what people type."""

from __future__ import annotations

import re
import secrets

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u to misread
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DIGEST = re.compile(r"[0-9a-f]{64}")

JOB_ID_LENGTH = 16


def new_job_id() -> str:
    """Sixteen characters of 80 random bits, such as 'k3v9qdz05wbn7xye'."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(JOB_ID_LENGTH))


def is_job_id(text: str) -> bool:
    """Whether `text` has the form of a job id."""
    return len(text) == JOB_ID_LENGTH and all(c in _ALPHABET for c in text)


def is_name(text: str) -> bool:
    """Whether `text` can name an assignment, a team, a user or a node (and so a folder)."""
    return _NAME.fullmatch(text) is not None


def is_digest(text: str) -> bool:
    """Whether `text` is a BLAKE2b-256 digest in lower-case hex."""
    return _DIGEST.fullmatch(text) is not None
