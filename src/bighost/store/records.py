"""How a record becomes the bytes that a store keeps, and comes back: msgpack, the same for every store."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from bighost.errors import StoreFault
from bighost.job.assignment import Assignment
from bighost.job.job import Job
from bighost.store.base import NodeRecord, Token, User

Record = Job | Assignment | User | Token | NodeRecord
R = TypeVar("R")

_ENCODER = msgspec.msgpack.Encoder()


def encode(record: Record) -> bytes:
    """`record` as msgpack. Raises StoreFault for one that has no such form (text that is no Unicode, say)."""
    try:
        if isinstance(record, Assignment):
            # A date in msgpack's own form comes back in UTC; as text it keeps the zone that staff wrote.
            return _ENCODER.encode(msgspec.to_builtins(record))
        return _ENCODER.encode(record)
    except (TypeError, ValueError, OverflowError) as why:
        raise StoreFault(f"This {type(record).__name__.lower()} can't be kept: {why}.") from why


def decoder(type: type[R]) -> Callable[[bytes], R]:
    """The way back; what it returns raises StoreFault for bytes that are no record of `type`."""
    decode = msgspec.msgpack.Decoder(type).decode

    def read(content: bytes) -> R:
        try:
            return decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError) as why:
            raise StoreFault(
                f"A {type.__name__.lower()} in the store can't be read: {why}.",
                hint="The file is damaged, or was written by another version: put back a backup.",
            ) from why

    return read


read_job = decoder(Job)
read_assignment = decoder(Assignment)
read_user = decoder(User)
read_token = decoder(Token)
read_node = decoder(NodeRecord)
