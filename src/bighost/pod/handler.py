"""Answers HTTP requests for a pod, as `contract.py` tells it; every refusal is `{"error": "a sentence"}`.

A run has a thread of its own; the thread of the connection only passes on what the run says. So a slow
reader can't hold up the run, and a run whose reader has gone is cancelled.
"""

from __future__ import annotations

import json
import logging
import queue
import select
import shutil
import socketserver
import sys
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from bighost.pod.contract import ContractError, Progress, RunOrder, RunReport, from_dict, to_dict
from bighost.pod.pod import Busy, Pod, Warming
from bighost.pod.sandbox import Fault

BODY_BYTES = 16 << 20
COPY_BYTES = 256 * 1024
STALLED_S = 60  # a peer that neither reads nor writes for so long is gone
LOOK_S = 0.5  # how often a run looks whether its reader is still there

log = logging.getLogger("bighost.pod")


class Refused(Exception):
    """A request gets an error for an answer."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


STATUS_OF: dict[type[Exception], HTTPStatus] = {
    ContractError: HTTPStatus.BAD_REQUEST,
    Busy: HTTPStatus.CONFLICT,
    Warming: HTTPStatus.SERVICE_UNAVAILABLE,
    Fault: HTTPStatus.INTERNAL_SERVER_ERROR,
}


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    protocol_version = default_request_version = "HTTP/1.1"
    timeout = STALLED_S
    pod: Pod  # set by `Server`

    def do_GET(self) -> None:
        """`/ready` and `/output/NAME`."""
        if self.path.startswith("/output/"):
            self._answer(self._output)
        else:
            self._answer({"/ready": self._ready}.get(self.path))

    def do_POST(self) -> None:
        """`/run`, `/cancel` and `/reset`."""
        calls = {"/run": self._run, "/cancel": self._cancel, "/reset": self._reset}
        self._answer(calls.get(self.path))

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not worth a line; faults are logged where they happen."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse, and read no further: the rest of the request may still be on its way."""
        self.close_connection = True
        words = message or explain or HTTPStatus(code).phrase
        self._send_json(HTTPStatus(code), {"error": words})

    def _answer(self, call: Callable[[], None] | None) -> None:
        try:
            if call is None:
                raise Refused(HTTPStatus.NOT_FOUND, f"there is no {self.command} {self.path[:200]}")
            call()
        except Refused as refused:
            self.send_error(refused.status, str(refused))
        except tuple(STATUS_OF) as error:
            self.send_error(STATUS_OF[type(error)], str(error))

    def _ready(self) -> None:
        self._send_json(HTTPStatus.OK, to_dict(self.pod.ready()))

    def _cancel(self) -> None:
        self._body()
        self.pod.cancel()
        self.send_response(HTTPStatus.NO_CONTENT)
        self.end_headers()

    def _reset(self) -> None:
        self._body()
        why = self.pod.reset()
        self._send_json(HTTPStatus.OK, {"clean": True} if why is None else {"clean": False, "why": why})

    def _output(self) -> None:
        name = unquote(self.path.removeprefix("/output/"))
        try:
            file = self.pod.output(name).open("rb")
        except (KeyError, FileNotFoundError):
            raise Refused(HTTPStatus.NOT_FOUND, f"the last run left no output {name[:200]!r}") from None
        with file:
            size = file.seek(0, 2)
            file.seek(0)
            self._send_head(HTTPStatus.OK, "application/octet-stream", ("Content-Length", str(size)))
            shutil.copyfileobj(file, self.wfile, COPY_BYTES)

    def _run(self) -> None:
        order = from_dict(RunOrder, _parse(self._body()))
        events: queue.SimpleQueue[Progress | RunReport] = queue.SimpleQueue()
        run = self.pod.accept(order, events.put)
        threading.Thread(target=lambda: events.put(self.pod.perform(run)), name=f"run {order.run}").start()
        try:
            self._send_head(HTTPStatus.OK, "application/x-ndjson", ("Transfer-Encoding", "chunked"))
            self._pass_on(events)
        except OSError:  # the reader is gone, or has stalled
            self.close_connection = True
            run.cancel()

    def _pass_on(self, events: queue.SimpleQueue[Progress | RunReport]) -> None:
        """Write what the run says, until its report. Raises OSError when nobody reads it."""
        while True:
            try:
                event = events.get(timeout=LOOK_S)
            except queue.Empty:
                self._look_at_reader()
                continue
            kind = "report" if isinstance(event, RunReport) else "progress"
            self._send_chunk(json.dumps({kind: to_dict(event)}).encode() + b"\n")
            if isinstance(event, RunReport):
                self._send_chunk(b"")
                return

    def _look_at_reader(self) -> None:
        watch = select.poll()
        watch.register(self.connection, 0)  # nothing but its end
        if watch.poll(0):
            raise ConnectionResetError("the reader hung up")

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal():
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "a body needs its Content-Length")
        if int(length) > BODY_BYTES:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body may hold {BODY_BYTES} bytes")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise Refused(HTTPStatus.BAD_REQUEST, f"the body ended after {len(body)} of {length} bytes")
        return body

    def _send_json(self, status: HTTPStatus, data: dict[str, Any]) -> None:
        body = json.dumps(data).encode()
        self._send_head(status, "application/json", ("Content-Length", str(len(body))))
        self.wfile.write(body)

    def _send_head(self, status: HTTPStatus, kind: str, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers:
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def _send_chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Listens at a Unix socket, a thread for each connection."""

    daemon_threads = True

    def __init__(self, path: Path, pod: Pod) -> None:
        super().__init__(str(path), type("PodHandler", (Handler,), {"pod": pod}))

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class's
        """A connection that breaks is the peer's business; anything else is logged."""
        log.log(
            logging.DEBUG if _is_broken_connection() else logging.ERROR, "a request failed", exc_info=True
        )


def _is_broken_connection() -> bool:
    return isinstance(sys.exception(), ConnectionError | TimeoutError)


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(HTTPStatus.BAD_REQUEST, f"the body is not JSON: {error}") from None
