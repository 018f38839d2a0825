"""`docs/protocol.md`: each message with its fields and a real example, the refusals, the calls over HTTP."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterator
from enum import Enum
from typing import Any

import msgspec

from bighost.wire import messages as wire
from bighost.wire.http import EnrolReply, EnrolRequest
from tools.docs import markdown as md
from tools.docs.examples import EXAMPLES
from tools.docs.source import lines, notes, sentence

SOURCES = ("src/bighost/wire/messages.py", "src/bighost/wire/http.py")

INTRODUCTION = f"""
A node opens one connection to the coordinator and keeps it: ZeroMQ, DEALER on the node and ROUTER on the
coordinator, encrypted by CURVE with a key pair a node. The node always dials, so it may be behind NAT. Who
speaks is told by the key of the connection, never by the routing id or by what a message says of itself.

A message is one frame: a msgpack map whose `type` names the message. Times are nanoseconds since 1970 by the
sender's clock, sizes are bytes, durations are seconds. A field that may be left out has a default. The
protocol's version is {wire.PROTOCOL}; a node says its version in `Join`. Bytes that are no message, or more
than {wire.MAX_MESSAGE // 1024**2} MiB of them, are counted and dropped; they change nothing.
"""

CONVERSATION = """
sequenceDiagram
    participant N as node
    participant C as coordinator
    N->>C: Join
    C->>N: Welcome, or Refuse
    N->>C: Pull (credit)
    C->>N: Batch, as soon as there are jobs
    loop while jobs run
        N->>C: Progress, Beat, Logs
    end
    N->>C: Pull (results, credit)
    C->>N: Ack, and the next Batch
    N->>C: PUT the outputs that the Ack asks for
    N->>C: Leave (jobs handed back)
"""

RULES = """
- A node has credit outstanding all the time, so a job leaves the coordinator the moment it arrives; nobody
  polls. `credit` is how many jobs the node will hold *in all*, not how many more: saying it twice, or losing
  one of two, changes nothing.
- Every message about a job names its attempt. What does not fit the lease (`Held` by this node, with this
  attempt) is answered with `Cancel`, or a `Receipt` that is not `current`, and moves nothing.
- A node keeps a result until its `Receipt` comes, and hands it in again after a reconnect; the second copy is
  answered like the first.
- A coordinator that was started again, or that has not heard of a node for a lease, answers it with `Rejoin`;
  the node greets again, names what it holds, and goes on with it.
- The coordinator saves before it sends: a `Batch` or an `Ack` that a node has seen survives any crash.
"""

CALLS = (
    (
        "`POST /api/nodes/enrol`",
        "the join token, in the body",
        "`EnrolRequest` → `EnrolReply`: once a machine, before its first `Join`",
    ),
    (
        "`GET /api/node/datasets/{digest}`",
        "the node's token, as bearer",
        "the bytes of one dataset file; the node checks their digest and keeps them in its cache",
    ),
    (
        "`PUT /api/node/jobs/{job}/{attempt}/outputs/{test}`",
        "the node's token, as bearer",
        "a tar of the part files, zstd-compressed; only for tests that a `Receipt` names under `upload`. "
        "410 means that nobody waits for it any more",
    ),
)

ENROLMENT = (
    EnrolRequest(
        token="bhj_0s7…",
        public_key="J={4Dcjjn1YgXDzFj{]O8sM(ecXfK+<@^t(@v#zb",
        name="lab-07",
        profile=wire.Profile.LIGHTWEIGHT,
    ),
    EnrolReply(
        name="lab-07", server_key="4g5-{gW2^n0q95fCyDyId1f<{6:MSCWIQUG.lcp2", port=9001, token="bhn_Xk2…"
    ),
)


def page() -> str:
    """The whole page."""
    messages = [*typing.get_args(wire.FromNode), *typing.get_args(wire.FromCoordinator)]
    return md.join(
        "# What coordinator and node say to each other",
        md.drawn_from(*SOURCES),
        INTRODUCTION,
        "## A conversation",
        md.fence("mermaid", CONVERSATION.strip()),
        RULES,
        "## From a node",
        *(_message(kind) for kind in typing.get_args(wire.FromNode)),
        "## From the coordinator",
        *(_message(kind) for kind in typing.get_args(wire.FromCoordinator)),
        "## Refusals",
        "After each of these a node stops, says the message to its owner, and does not try again by itself.",
        md.table(("reason", "why"), _members(wire.RefuseReason)),
        "## What messages are made of",
        "In the examples bytes are shown as text. A struct marked *as an array* travels as its values alone.",
        *(_part(kind) for kind in parts(messages)),
        "## Calls over HTTP",
        "What is too large for a message, and what comes before the first one.",
        md.table(("call", "opened by", "what"), CALLS),
        *(_shape(example) for example in ENROLMENT),
    )


def parts(messages: list[type]) -> list[type]:
    """The structs and enums that messages are made of, in the order in which they are met."""
    met: dict[type, None] = {}
    waiting = list(messages)
    while waiting:
        kind = waiting.pop(0)
        for part in _mentioned(kind):
            if part not in met and part not in messages:
                met[part] = None
                waiting.append(part)
    return list(met)


def view(message: Any) -> str:
    """A message as JSON: what its msgpack bytes hold, with bytes shown as text."""
    content = msgspec.msgpack.decode(msgspec.msgpack.encode(message))
    return msgspec.json.format(msgspec.json.encode(_readable(content)), indent=2).decode()


def _message(kind: type) -> str:
    shown = [
        f"{len(wire.encode(message))} bytes:\n\n{md.fence('json', view(message))}"
        for message in EXAMPLES
        if type(message) is kind
    ]
    return md.join(f"### {kind.__name__}", sentence(kind), _fields(kind), *shown)


def _part(kind: type) -> str:
    if issubclass(kind, Enum):
        return md.join(f"### {kind.__name__}", sentence(kind), _values(kind))
    as_array = issubclass(kind, msgspec.Struct) and kind.__struct_config__.array_like
    return md.join(f"### {kind.__name__}", sentence(kind) + " *As an array.*" * as_array, _fields(kind))


def _shape(example: msgspec.Struct) -> str:
    kind = type(example)
    shown = msgspec.json.format(msgspec.json.encode(example), indent=2).decode()
    return md.join(f"### {kind.__name__}", sentence(kind), _fields(kind), md.fence("json", shown))


def _fields(kind: type) -> str:
    rows = [(md.code(f.name), md.code(f.type), md.code(f.default), f.note) for f in lines(kind)]
    return md.table(("field", "type", "default", "meaning"), rows) if rows else "It has no fields."


def _members(kind: type[Enum]) -> list[tuple[str, str]]:
    note = notes(kind)
    return [(md.code(member.value), note[member.name]) for member in kind]


def _values(kind: type[Enum]) -> str:
    members = _members(kind)
    if any(note for _, note in members):
        return md.table(("value", "meaning"), members)
    return "One of " + ", ".join(value for value, _ in members) + "."


def _mentioned(kind: type) -> Iterator[type]:
    """Structs and enums in a struct's fields, however deep in tuples, dicts and unions."""
    hints = typing.get_type_hints(kind) if issubclass(kind, msgspec.Struct) else {}
    waiting = list(hints.values())
    while waiting:
        hint = waiting.pop(0)
        waiting[:0] = typing.get_args(hint)
        if inspect.isclass(hint) and issubclass(hint, (msgspec.Struct, Enum)):
            yield hint


def _readable(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, dict):
        return {key: _readable(inner) for key, inner in value.items()}
    return [_readable(inner) for inner in value] if isinstance(value, list) else value
