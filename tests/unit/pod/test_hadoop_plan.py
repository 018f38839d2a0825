"""What Hadoop is told follows from an assignment's options, and what is not theirs to set is refused."""

from __future__ import annotations

import base64
import gzip
from pathlib import Path
from typing import Any

import pytest

from bighost.pod.contract import ContractError, RunLimits, RunOrder, check_options
from bighost.pod.frameworks.mapreduce import MapReduce
from bighost.pod.hadoop.blame import blame
from bighost.pod.hadoop.broker import Role
from bighost.pod.hadoop.plan import JobPlan, check_job, link_inputs, parse_settings, roles_of
from bighost.pod.hadoop.programs import exit_code
from bighost.pod.sandbox import Fault
from bighost.pod.workdir import Workdir


def options_of(**given: Any) -> dict[str, Any]:
    return check_options(MapReduce.OPTIONS, given)


def plan_of(tmp_path: Path, files: tuple[str, ...] = ("mapper.py", "reducer.py"), **given: Any) -> JobPlan:
    options = options_of(**given)
    return JobPlan(
        inputs=[tmp_path / "in"],
        output=tmp_path / "out",
        folder=tmp_path / "between",
        options=options,
        roles=roles_of(options, dict.fromkeys(files)),
        cores=2,
    )


def order_of(options: dict[str, Any], *files: str, inputs: int = 1) -> RunOrder:
    content = base64.b64encode(b"pass").decode()
    limits = RunLimits(1.0, 1.0, 1, 1, 1, 1)
    names = [str(number) for number in range(inputs)]
    return RunOrder("r", "mapreduce", dict.fromkeys(files, content), names, limits, options)


def arguments_of(plan: JobPlan) -> dict[str, str]:
    given = list(plan.order(lambda role: f"run {role}").arguments)
    return dict(zip(given[::2], given[1::2], strict=True))


def test_a_plain_job_has_a_mapper_and_a_reducer(tmp_path: Path) -> None:
    arguments = arguments_of(plan_of(tmp_path))
    assert arguments["-mapper"] == "run mapper"
    assert arguments["-reducer"] == "run reducer"
    assert arguments["-numReduceTasks"] == "1"
    assert arguments["-input"] == f"file://{tmp_path}/in"
    assert "-combiner" not in arguments
    assert "-partitioner" not in arguments


def test_a_combiner_runs_only_where_one_was_handed_in(tmp_path: Path) -> None:
    assert "-combiner" not in arguments_of(plan_of(tmp_path, combiner="combiner.py"))
    with_one = plan_of(tmp_path, ("mapper.py", "combiner.py", "reducer.py"), combiner="combiner.py")
    assert arguments_of(with_one)["-combiner"] == "run combiner"


@pytest.mark.parametrize("none", [{"reducer": ""}, {"reducers": 0}])
def test_without_reducers_nothing_is_sorted(tmp_path: Path, none: dict[str, Any]) -> None:
    arguments = arguments_of(plan_of(tmp_path, **none))
    assert arguments["-numReduceTasks"] == "0"
    assert "-reducer" not in arguments


def test_fields_choose_the_partition_and_the_order(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, key_fields=2, partition_fields=1, sort="-k1,1 -k2,2nr", separator=",")
    settings = plan.order(str).settings
    assert arguments_of(plan)["-partitioner"].endswith("KeyFieldBasedPartitioner")
    assert settings["mapreduce.partition.keypartitioner.options"] == "-k1,1"
    assert settings["mapreduce.partition.keycomparator.options"] == "-k1,1 -k2,2nr"
    assert settings["stream.num.map.output.key.fields"] == "2"
    assert settings["stream.map.output.field.separator"] == ","


def test_an_assignments_settings_win_over_our_defaults(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path, settings=["mapreduce.map.output.compress=true", "stream.num.map.output.key.fields=3"]
    )
    settings = plan.order(str).settings
    assert settings["mapreduce.map.output.compress"] == "true"
    assert settings["stream.num.map.output.key.fields"] == "3"


@pytest.mark.parametrize(
    "line",
    [
        "hadoop.tmp.dir=/",
        "fs.defaultFS=hdfs://elsewhere",
        "mapreduce.framework.name=yarn",
        "mapreduce.map.java.opts=-Xmx9g",
        "mapreduce.task.io.sort.mb=4000",
        "no-value",
        "=1",
        "two words=1",
    ],
)
def test_settings_that_are_the_pods_own_are_refused(line: str) -> None:
    with pytest.raises(ContractError, match="setting"):
        parse_settings([line])


@pytest.mark.parametrize(
    ("given", "files", "what"),
    [
        ({}, ("mapper.py",), "option reducer"),
        ({"mapper": ""}, ("reducer.py",), "option mapper is empty"),
        ({"separator": "ab"}, ("mapper.py", "reducer.py"), "separator"),
        ({"separator": "\n"}, ("mapper.py", "reducer.py"), "separator"),
        ({"input_format": "parquet"}, ("mapper.py", "reducer.py"), "text, sequence"),
        ({"side_files": ["a.txt"]}, ("mapper.py", "reducer.py"), "only side files"),
        ({"side_files": ["../a", "b"]}, ("mapper.py", "reducer.py"), "no free name"),
        ({"mode": "moon"}, ("mapper.py", "reducer.py"), "mode"),
    ],
)
def test_an_order_that_contradicts_itself_is_refused(
    given: dict[str, Any], files: tuple[str, ...], what: str
) -> None:
    inputs = 3 if "../a" in given.get("side_files", []) else 1
    with pytest.raises(ContractError, match=what):
        check_job(order_of(given, *files, inputs=inputs), options_of(**given))


def test_compressed_inputs_get_the_ending_that_hadoop_knows_them_by(tmp_path: Path) -> None:
    contents = {"one": gzip.compress(b"x\n"), "two": b"BZh91AY", "three": b"plain\n", "four": b""}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    links = link_inputs([str(tmp_path / name) for name in contents], tmp_path / "in")
    assert [link.name for link in links] == [
        "input-00000.gz",
        "input-00001.bz2",
        "input-00002",
        "input-00003",
    ]
    assert links[0].read_bytes() == contents["one"]


@pytest.mark.parametrize(("status", "code"), [(0, 0), (3 << 8, 3), (9, 137)])
def test_hadoop_hears_of_signals_as_shells_say_them(status: int, code: int) -> None:
    assert exit_code(status) == code


@pytest.mark.parametrize(
    ("error", "what"),
    [
        ("java.io.IOException: Broken pipe", "without reading all of its input"),
        ("java.lang.OutOfMemoryError: Java heap space", "too long"),
        ("java.io.IOException: No space left on device", "filled the disk"),
    ],
)
def test_failures_of_a_job_that_are_the_students_are_told_in_words(
    tmp_path: Path, error: str, what: str
) -> None:
    assert what in blame("mapper", error, Workdir(tmp_path / "work", None)).message


def test_any_other_failure_of_a_job_is_ours(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="ClassNotFoundException"):
        blame("mapper", "java.lang.ClassNotFoundException: X", Workdir(tmp_path / "work", None))


def test_every_role_is_a_stage() -> None:
    assert [role.value for role in Role] == ["mapper", "combiner", "reducer"]
