"""From an assignment's options to what Hadoop is told: settings, and Hadoop Streaming's arguments. Pure.

Names of settings are those of Hadoop's `mapred-default.xml`, and of Hadoop Streaming's documentation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from bighost.pod.contract import ContractError, RunOrder
from bighost.pod.hadoop.broker import Role
from bighost.pod.hadoop.jvm import JobOrder

CHECKSUM_BYTES = 512  # HDFS has one for as many, and blocks are made of these
SORT_MIB = 64  # of a map's buffer
OURS = re.compile(
    r"hadoop\.|fs\.|io\.serializations|yarn\.|dfs\.|mapreduce\.(framework|cluster|jobtracker|jobhistory|local|admin)\."
    r"|mapreduce\.(map|reduce|job)\.(java|env|log|user|queuename|jar|classloader|classpath|cache)"
    r"|mapreduce\.task\.(io\.sort\.mb|timeout)$|mapred\.child|stream\.(map|reduce|combine)\.streamprocessor"
)
SIDE_FILE = re.compile(r"[\w-][\w.-]*")
SETTING = re.compile(r"[A-Za-z][\w.-]*")
MAPRED = "org.apache.hadoop.mapred"
FORMATS = {"text": f"{MAPRED}.TextInputFormat", "sequence": f"{MAPRED}.SequenceFileAsTextInputFormat"}
SUFFIXES = {b"\x1f\x8b": ".gz", b"BZh": ".bz2"}  # by which Hadoop knows compressed files


class Mode(StrEnum):
    """Where jobs run."""

    LOCAL = "local"  # in the pod's own JVM
    YARN = "yarn"  # on HDFS and YARN inside the pod


@dataclass(frozen=True)
class JobPlan:
    """One job: whence, whither, by which programs; `folder` is Hadoop's own for what lies between."""

    inputs: Sequence[Path]
    output: Path
    folder: Path
    options: Mapping[str, Any]  # of the framework mapreduce
    roles: Sequence[Role]
    cores: int
    upload_to: str = ""  # where Hadoop is to have the inputs; empty: where they lie

    @property
    def reducers(self) -> int:
        """How many reducers there are; 0: the maps' output is the output."""
        return int(self.options["reducers"]) if Role.REDUCER in self.roles else 0

    def order(self, command: Callable[[Role], str], extra: Mapping[str, str] | None = None) -> JobOrder:
        """The job as the JVM wants it. `command` says how a program of a role is started."""
        settings = {**self._settings(), **self._shape(), **(extra or {})}
        upload = {str(path): self._read_from(path) for path in self.inputs} if self.upload_to else {}
        return JobOrder(settings | parse_settings(self.options["settings"]), self._arguments(command), upload)

    def _read_from(self, path: Path) -> str:
        return f"{self.upload_to}/{path.name}" if self.upload_to else path.as_uri()

    def _settings(self) -> dict[str, str]:
        return local_settings(self.folder) | {
            "mapreduce.local.map.tasks.maximum": str(self.cores),
            "mapreduce.local.reduce.tasks.maximum": str(self.cores),
            "mapreduce.task.io.sort.mb": str(max(8, min(SORT_MIB, 160 // self.cores))),
            "mapreduce.reduce.shuffle.input.buffer.percent": f"{0.5 / self.cores:.2f}",
            "mapreduce.task.timeout": "0",  # the run's own limits hold
            "mapreduce.fileoutputcommitter.algorithm.version": "2",
            "mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
            "mapreduce.job.reduce.slowstart.completedmaps": "1.0",  # maps first: stages are told apart
        }

    def _shape(self) -> dict[str, str]:
        """How input is split, and how lines become keys and values."""
        separator = self.options["separator"]
        shape = {
            "fs.local.block.size": str(self.options["split_bytes"]),  # local jobs split by nothing else
            "dfs.blocksize": str(-(-self.options["split_bytes"] // CHECKSUM_BYTES) * CHECKSUM_BYTES),
            "stream.num.map.output.key.fields": str(self.options["key_fields"]),
            "mapreduce.output.textoutputformat.separator": separator,
            "mapreduce.map.output.key.field.separator": separator,
        }
        for stage in ("map.output", "reduce.input", "reduce.output"):
            shape[f"stream.{stage}.field.separator"] = separator
        if self.options["partition_fields"]:
            shape["mapreduce.partition.keypartitioner.options"] = f"-k1,{self.options['partition_fields']}"
        if self.options["sort"]:
            shape["mapreduce.job.output.key.comparator.class"] = f"{MAPRED}.lib.KeyFieldBasedComparator"
            shape["mapreduce.partition.keycomparator.options"] = self.options["sort"]
        return shape

    def _arguments(self, command: Callable[[Role], str]) -> list[str]:
        arguments = ["-output", self.output.as_uri(), "-inputformat", FORMATS[self.options["input_format"]]]
        for path in self.inputs:
            arguments += ["-input", self._read_from(path)]
        for role in self.roles:
            arguments += [f"-{role}", command(role)]
        if self.options["partition_fields"]:
            arguments += ["-partitioner", f"{MAPRED}.lib.KeyFieldBasedPartitioner"]
        return [*arguments, "-numReduceTasks", str(self.reducers)]


def local_settings(folder: Path) -> dict[str, str]:
    """What every job is told that runs inside the JVM itself, and has `folder` to itself."""
    return {
        "mapreduce.framework.name": "local",
        "fs.defaultFS": "file:///",
        "fs.file.impl": "bighost.hadoop.PodFileSystem",
        "fs.file.impl.disable.cache": "true",  # a cached one keeps the block size of the first job
        "hadoop.tmp.dir": str(folder),
        "mapreduce.jobtracker.staging.root.dir": str(folder / "staging"),
    }


def parse_settings(lines: Sequence[str]) -> dict[str, str]:
    """`NAME=VALUE` settings of an assignment. Raises ContractError for one that is not theirs to change."""
    settings = {}
    for line in lines:
        name, equals, value = str(line).partition("=")
        if not equals or not SETTING.fullmatch(name):
            raise ContractError(f"setting {line!r} is not NAME=VALUE")
        if OURS.match(name):
            raise ContractError(f"setting {name} is the pod's own")
        settings[name] = value
    return settings


def link_inputs(inputs: Sequence[str], folder: Path) -> list[Path]:
    """Names by which Hadoop knows how each input is compressed. Raises OSError when one is not there."""
    folder.mkdir()
    links = []
    for index, name in enumerate(inputs):
        with Path(name).open("rb") as file:
            head = file.read(4)
        suffix = next((suffix for magic, suffix in SUFFIXES.items() if head.startswith(magic)), "")
        link = folder / f"input-{index:05}{suffix}"
        link.symlink_to(Path(name).resolve())
        links.append(link)
    return links


def roles_of(options: Mapping[str, Any], files: Mapping[str, Any]) -> list[Role]:
    """Which programs a job has: a combiner only where one was handed in."""
    roles = [Role.MAPPER]
    if options["combiner"] in files:
        roles.append(Role.COMBINER)
    if options["reducer"] and options["reducers"]:
        roles.append(Role.REDUCER)
    return roles


def check_job(order: RunOrder, options: Mapping[str, Any]) -> None:
    """Raises ContractError when options and files contradict each other."""
    if not options["mapper"]:
        raise ContractError("option mapper is empty")
    for role in ("mapper", "reducer"):
        if options[role] and options[role] not in order.files:
            raise ContractError(f"option {role} is {options[role]!r}, which is not among the files")
    if options["mode"] not in list(Mode):
        raise ContractError(f"option mode must be one of {', '.join(Mode)}, not {options['mode']!r}")
    if len(options["separator"]) != 1 or options["separator"] in "\n\r\0":
        raise ContractError("option separator must be one character, and no line end")
    if options["input_format"] not in FORMATS:
        raise ContractError(f"option input_format must be one of {', '.join(FORMATS)}")
    if len(order.inputs) <= len(options["side_files"]):
        raise ContractError("the order names no inputs, or only side files")
    for name in options["side_files"]:
        if not isinstance(name, str) or not SIDE_FILE.fullmatch(name) or name in order.files:
            raise ContractError(f"option side_files: {name!r} is no free name of a file")
    parse_settings(options["settings"])
