"""Log records: key and value, one a line, each with an `action` word that programs can look for.

`configure` sends the process's own records to stderr. A node besides keeps *streams*, one file each, under
the names of the original system (`executor_logs.txt`, `sys_logs.txt`, `worker1_logs.txt`, ...), from which
the coordinator is sent what it does not have yet. A stream counts its bytes from the start of the node's
life on, whatever was rotated away meanwhile, so a piece that is sent twice lands in the same place.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, MutableMapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, cast

import structlog
from structlog.typing import FilteringBoundLogger, Processor

_NOT_A_WORD = re.compile(r"[^a-z0-9]+")


def configure(*, verbose: bool = False, json: bool = False) -> None:
    """Send records to stderr: debug records too where `verbose`; as JSON lines on wish."""
    level = logging.DEBUG if verbose else logging.INFO
    structlog.configure(
        processors=_processors(json=json),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )


class LogStream:
    """One stream: a file of at most `limit` bytes, and the one before it as `NAME.1`."""

    def __init__(self, path: Path, limit: int) -> None:
        self.path = path
        self._limit = limit
        self._old = path.with_name(f"{path.name}.1")
        self._file: IO[bytes] = path.open("ab")
        self._size = self._file.tell()
        self._begin = 0  # the stream's offset at which the file begins

    @property
    def end(self) -> int:
        """The offset of the next byte to be written."""
        return self._begin + self._size

    def append(self, line: str) -> None:
        """Write a line; its end is added."""
        data = line.encode(errors="backslashreplace") + b"\n"
        if self._size and self._size + len(data) > self._limit:
            self._rotate()
        self._file.write(data)
        self._file.flush()
        self._size += len(data)

    def read(self, offset: int, most: int) -> tuple[int, bytes]:
        """What was written from `offset` on, at most so many bytes, and the offset at which that begins.

        It begins later where what was asked for has been rotated away.
        """
        if offset < self._begin and self._old.exists():
            begin = self._begin - self._old.stat().st_size
            return max(begin, offset), _piece(self._old, max(0, offset - begin), most)
        offset = max(self._begin, offset)
        return offset, _piece(self.path, offset - self._begin, most)

    def close(self) -> None:
        """Write no more."""
        self._file.close()

    def _rotate(self) -> None:
        self._file.close()
        self.path.replace(self._old)
        self._begin += self._size
        self._size = 0
        self._file = self.path.open("ab")


class NodeLogs:
    """The streams of one life of a node, as files in `folder`, which is made: `{name}_logs.txt`."""

    def __init__(self, folder: Path, limit: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._limit = limit
        self._streams: dict[str, LogStream] = {}

    def __enter__(self) -> NodeLogs:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for stream in self._streams.values():
            stream.close()

    def stream(self, name: str) -> LogStream:
        """The stream of this name, begun where there is none yet."""
        if name not in self._streams:
            self._streams[name] = LogStream(self._folder / f"{name}_logs.txt", self._limit)
        return self._streams[name]

    def streams(self) -> Iterable[tuple[str, LogStream]]:
        """Every stream with its name."""
        return tuple(self._streams.items())

    def logger(self, name: str) -> FilteringBoundLogger:
        """A logger that writes to the stream of this name, a line a record."""
        logger = structlog.wrap_logger(
            _StreamLogger(self.stream(name)),
            processors=_processors(json=False),
            wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        )
        return cast(FilteringBoundLogger, logger)


class _StreamLogger:
    """What structlog calls at the end of its chain."""

    def __init__(self, stream: LogStream) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        self._stream.append(line)

    debug = info = warning = error = critical = exception = msg


def _processors(*, json: bool) -> list[Processor]:
    last: Processor = (
        structlog.processors.JSONRenderer()
        if json
        else structlog.processors.LogfmtRenderer(key_order=["at", "level", "action", "event"])
    )
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.format_exc_info,
        _with_action,
        last,
    ]


def _with_action(_: Any, __: str, record: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A record that names no action gets one made of its words."""
    words = _NOT_A_WORD.sub("_", str(record.get("event", "")).lower())
    record.setdefault("action", words.strip("_")[:40] or "log")
    return record


def _piece(path: Path, offset: int, most: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(most)
