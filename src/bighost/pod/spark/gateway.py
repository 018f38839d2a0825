"""Speaks to Spark's JVM before a student does: as much of Py4J's protocol as static calls need.

A command is lines: its letter, what it is about, an `e`. An answer is one line that begins with `!y` where
all went well (py4j, `protocol.py`). The first command of a connection shows the secret.
"""

from __future__ import annotations

import socket
import struct
from pathlib import Path
from typing import NamedTuple

from bighost.pod.sandbox import Fault

LOOPBACK = "127.0.0.1"
ANSWER_S = 60.0
NUMBER = struct.Struct(">i")


class Gateway(NamedTuple):
    """Where the JVM listens, and what it wants to hear first."""

    port: int
    secret: str

    def call(self, of: str, method: str, *arguments: str) -> None:
        """Call a static method of class `of` with strings. Raises Fault."""
        command = ["c", f"z:{of}", method, *(f"s{_escape(argument)}" for argument in arguments), "e"]
        try:
            with socket.create_connection((LOOPBACK, self.port), ANSWER_S) as connection:
                self._say(connection, ["A", self.secret])
                answer = self._say(connection, command)
        except OSError as error:
            raise Fault(f"the JVM does not answer: {error}") from error
        if not answer.startswith("!y"):
            raise Fault(f"the JVM does not call {of}.{method}: {answer.strip()[:200]!r}")

    def _say(self, connection: socket.socket, message: list[str]) -> str:
        connection.sendall("\n".join([*message, ""]).encode())
        with connection.makefile("rb", buffering=0) as answers:
            return answers.readline().decode(errors="replace")

    def set_properties(self, properties: dict[str, str]) -> None:
        """Set system properties, which Spark takes as its settings. Raises Fault."""
        for name, value in properties.items():
            self.call("java.lang.System", "setProperty", name, value)

    def collect_garbage(self) -> None:
        """Let the JVM give back what it doesn't need. Raises Fault."""
        self.call("java.lang.System", "gc")


def read_address(path: Path) -> Gateway | None:
    """What Spark's `PythonGatewayServer` wrote: port, length of the secret, secret. None: nothing yet."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    (port,), (length,) = NUMBER.unpack_from(content), NUMBER.unpack_from(content, NUMBER.size)
    return Gateway(port, content[2 * NUMBER.size :][:length].decode())


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\r", "\\r").replace("\n", "\\n")
