"""What is said over a pod's socket: the one file of `pod/` that others read.

The Pod Control Server speaks HTTP/1.1 over a Unix socket:

| call | body | answer |
|---|---|---|
| `GET /ready` | | `Ready` as JSON; 503 while the framework still warms up |
| `POST /run` | `RunOrder` as JSON | NDJSON: any number of `{"progress": Progress}`, `{"report": RunReport}` |
| `GET /output/NAME` | | the bytes of one output file of the last run |
| `POST /cancel` | | 204; the running order ends with outcome `cancelled` |
| `POST /reset` | | `{"clean": true}`, or `{"clean": false, "why": "..."}`: then destroy the pod |

What is refused gets `{"error": "a sentence"}`: 400 for an order that contradicts itself, 404, 409 while a run
goes on, 500 when the pod is broken. A reader of `/run` that hangs up cancels the run.

Standard library only, because this file runs inside the pod, where nothing of ours is installed.
Sizes are bytes, times are seconds, digests are BLAKE2b-256 in lower-case hex.
"""

from __future__ import annotations

import dataclasses
import importlib
import types
import typing
from dataclasses import dataclass, field
from enum import Enum, StrEnum

VERSION = 1
SOCKET_NAME = "pod.sock"

T = typing.TypeVar("T")


class ContractError(ValueError):
    """What came over the socket is not what the contract says."""


class Outcome(StrEnum):
    """How a run ended, as far as the pod can tell. The machine's word; `message` is for people."""

    OK = "ok"
    RUNTIME_ERROR = "runtime_error"  # a student process ended with a non-zero exit or a signal of its own
    TIME_LIMIT = "time_limit"  # CPU seconds of a stage, or the wall limit of the run, used up
    MEMORY_LIMIT = "memory_limit"
    OUTPUT_LIMIT = "output_limit"  # bytes written as output, or to the work folder (disk)
    CANCELLED = "cancelled"
    FAULT = "fault"  # the pod's own failure: never the student's


@dataclass(frozen=True)
class RunLimits:
    """What one run may use."""

    cpu_s: float  # CPU seconds (user + system, all processes) of one stage
    wall_s: float  # of the whole run
    memory_bytes: int  # of all student processes together, at any moment
    processes: int  # student processes and threads at any moment
    output_bytes: int  # of all output files together
    disk_bytes: (
        int  # files in the student's work folder, and intermediate data (what mappers write), together
    )
    cores: int = 1  # mappers (and reducers) that may run at the same time

    def __post_init__(self) -> None:
        for f in dataclasses.fields(self):
            if not getattr(self, f.name) > 0:
                raise ContractError(f"limit {f.name} must be above zero, not {getattr(self, f.name)!r}")


@dataclass(frozen=True)
class RunOrder:
    """One test of one submission: everything a pod needs to run it."""

    run: str  # names the run in logs: job id, attempt and test
    framework: str
    files: dict[str, str]  # name -> base64 of the student's file
    inputs: list[str]  # paths of the input files, as the pod sees them
    limits: RunLimits
    options: dict[str, typing.Any] = field(default_factory=dict)  # of the framework, see `check_options`
    arguments: list[str] = field(default_factory=list)  # sys.argv[1:] of every student program


@dataclass(frozen=True)
class Usage:
    """What a stage, or a whole run, used."""

    cpu_s: float = 0.0
    wall_s: float = 0.0
    peak_bytes: int = 0  # highest summed resident size of the student's processes


@dataclass(frozen=True)
class StageReport:
    """One stage of a run: `mapper`, `combiner`, `reducer`, ... summed over its tasks."""

    name: str
    tasks: int
    usage: Usage
    exit: int | None = None  # of the task that failed, else 0
    signal: str | None = None  # its name, such as "SIGKILL", when one ended the failing task
    failed_task: int | None = None
    records_in: int = 0
    records_out: int = 0
    bytes_out: int = 0
    stderr: str = ""  # the end of the failing task's stderr (else of the last one that wrote any)
    counters: dict[str, dict[str, int]] = field(default_factory=dict)  # group -> counter -> sum
    status: str = ""  # last reporter:status line


@dataclass(frozen=True)
class OutputFile:
    """One file of the output folder, `part-00000` for example."""

    name: str
    size: int
    digest: str


@dataclass(frozen=True)
class Segments:
    """Digests of what flowed between stages, so that two runs can be compared without moving data."""

    map_output: list[list[str]] = field(default_factory=list)  # [split][partition]
    reduce_input: list[str] = field(default_factory=list)  # [partition]
    reduce_output: list[str] = field(default_factory=list)  # [partition]


@dataclass(frozen=True)
class Progress:
    """A stage began, or a task of it ended."""

    stage: str
    done: int
    total: int
    status: str = ""


@dataclass(frozen=True)
class RunReport:
    """How a run went. `stage` names the failing stage when `outcome` is not ok."""

    outcome: Outcome
    message: str
    stages: list[StageReport]
    usage: Usage
    output: list[OutputFile] = field(default_factory=list)
    segments: Segments = field(default_factory=Segments)
    stage: str | None = None


@dataclass(frozen=True)
class Ready:
    """What a pod says of itself once it can run an order."""

    contract: int
    framework: str
    python: str
    student_uid: int
    isolates: list[str] = field(default_factory=list)  # "user", "cgroup", "network", ... what holds inside


@dataclass(frozen=True)
class Option:
    """One option of a framework, for checking an assignment's `[framework]` table."""

    kind: type  # str, int, float, bool or list
    default: typing.Any
    help: str
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True)
class Needs:
    """What a framework's pod needs beside what the student may use, and what becomes of it after a run."""

    image: str  # the folder of its image in `images/`
    standalone: bool  # Python alone is enough, so that process pods can run it
    overhead_bytes: int
    overhead_processes: int
    reuse: str  # "reset" or "never", where neither assignment nor node says otherwise


def needs(framework: str) -> Needs:
    """What pods of a framework need. Raises ContractError when there is no such framework."""
    registry = importlib.import_module("bighost.pod.frameworks")
    try:
        kind = registry.FRAMEWORKS[framework]
    except KeyError:
        raise ContractError(f"there is no framework {framework!r}") from None
    return Needs(
        image=kind.IMAGE or framework,
        standalone=kind.STANDALONE,
        overhead_bytes=kind.OVERHEAD_BYTES,
        overhead_processes=kind.OVERHEAD_PROCESSES,
        reuse=kind.REUSE,
    )


def frameworks() -> dict[str, dict[str, Option]]:
    """Every framework this version knows, with its options."""
    registry = importlib.import_module("bighost.pod.frameworks")
    return {name: framework.OPTIONS for name, framework in registry.FRAMEWORKS.items()}


def check_options(known: dict[str, Option], given: dict[str, typing.Any]) -> dict[str, typing.Any]:
    """The options of a run: `given`, and the defaults of all others.

    Raises ContractError naming the option that is unknown, of the wrong kind, or out of its range.
    """
    values = {name: option.default for name, option in known.items()}
    for name, value in given.items():
        if name not in known:
            raise ContractError(f"option {name} is not known")
        values[name] = _option(name, known[name], value)
    return values


def _option(name: str, option: Option, value: typing.Any) -> typing.Any:
    value = _scalar(option.kind, value, f"option {name}")
    if option.least is not None and value < option.least:
        raise ContractError(f"option {name} must be at least {option.least}, not {value}")
    if option.most is not None and value > option.most:
        raise ContractError(f"option {name} must be at most {option.most}, not {value}")
    return value


def to_dict(value: typing.Any) -> dict[str, typing.Any]:
    """A dataclass of this file as plain JSON data."""
    return dataclasses.asdict(value)


def from_dict(kind: type[T], data: typing.Any) -> T:
    """Plain JSON data as a dataclass of this file; unknown keys are ignored, so that versions can differ.

    Raises ContractError naming the field that is missing or of the wrong kind.
    """
    return typing.cast(T, _convert(kind, data, kind.__name__))


def _convert(kind: typing.Any, data: typing.Any, where: str) -> typing.Any:
    origin = typing.get_origin(kind)
    if kind is typing.Any:
        return data
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _dataclass(kind, data, where)
    if origin in (typing.Union, types.UnionType):
        if data is None:
            return None
        inner = next(k for k in typing.get_args(kind) if k is not type(None))
        return _convert(inner, data, where)
    if origin is list:
        if not isinstance(data, list):
            raise ContractError(f"{where}: a list is needed, not {type(data).__name__}")
        (inner,) = typing.get_args(kind)
        return [_convert(inner, item, f"{where}[{i}]") for i, item in enumerate(data)]
    if origin is dict:
        if not isinstance(data, dict):
            raise ContractError(f"{where}: an object is needed, not {type(data).__name__}")
        _, inner = typing.get_args(kind)
        return {str(k): _convert(inner, v, f"{where}.{k}") for k, v in data.items()}
    return _scalar(kind, data, where)


def _dataclass(kind: typing.Any, data: typing.Any, where: str) -> typing.Any:
    if not isinstance(data, dict):
        raise ContractError(f"{where}: an object is needed, not {type(data).__name__}")
    hints = typing.get_type_hints(kind)
    values = {}
    for f in dataclasses.fields(kind):
        if f.name in data:
            values[f.name] = _convert(hints[f.name], data[f.name], f"{where}.{f.name}")
        elif f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING:
            raise ContractError(f"{where}: {f.name} is missing")
    return kind(**values)


def _scalar(kind: typing.Any, data: typing.Any, where: str) -> typing.Any:
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return kind(data)
        except ValueError as error:
            raise ContractError(f"{where}: {error}") from None
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if isinstance(data, kind) and not (kind is int and isinstance(data, bool)):
        return data
    raise ContractError(f"{where}: {kind.__name__} is needed, not {type(data).__name__}")
