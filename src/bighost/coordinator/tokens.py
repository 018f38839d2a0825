"""Bearer tokens: 256 random bits, told once, kept as their SHA-256.

A fast hash is right here: what it protects is random and long, so it can't be guessed from the hash.
"""

from __future__ import annotations

import hashlib
import secrets

from bighost.store.base import Token, TokenKind
from bighost.wire.messages import Profile

PREFIX = {TokenKind.USER: "bhu_", TokenKind.JOIN: "bhj_", TokenKind.NODE: "bhn_"}


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def new(
    kind: TokenKind, subject: str, now: int, *, expires: int | None = None, profiles: tuple[Profile, ...] = ()
) -> tuple[str, Token]:
    """A new token: what its owner is told, and what is kept."""
    told = PREFIX[kind] + secrets.token_urlsafe(32)
    kept = Token(
        digest=digest(told), kind=kind, subject=subject, created=now, expires=expires, profiles=profiles
    )
    return told, kept


def short(kept: Token) -> str:
    """The name by which a person can revoke a token: the start of its digest."""
    return kept.digest[:12]
