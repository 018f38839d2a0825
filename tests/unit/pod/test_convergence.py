"""The change between two rounds: the same whether keys ascend or not, and endless where keys come or go."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bighost.pod.contract import ContractError, Outcome, check_options
from bighost.pod.frameworks.iterative import Iterative
from bighost.pod.hadoop.convergence import Measure, Norm
from bighost.pod.hadoop.rounds import check_rounds, jobs_of
from bighost.pod.run import Stop

VALUES = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(-1000, 1000), max_size=8)


def write(folder: Path, name: str, values: dict[str, float], order: list[str] | None = None) -> list[Path]:
    (folder / name).mkdir(exist_ok=True)
    path = folder / name / "part-00000"
    path.write_text("".join(f"{key}\t{values[key]}\trest\n" for key in order or sorted(values)))
    return [path]


def delta(old: list[Path], new: list[Path], norm: Norm = Norm.MAX, field: int = 2) -> float:
    return Measure(b"\t", field, norm, "round 2 reducer").delta(old, new)


def test_the_largest_change_and_the_sum_of_all(tmp_path: Path) -> None:
    old = write(tmp_path, "old", {"a": 1.0, "b": 2.0, "c": 3.0})
    new = write(tmp_path, "new", {"a": 1.5, "b": 2.0, "c": 2.0})
    assert delta(old, new) == 1.0
    assert delta(old, new, Norm.SUM) == 1.5


@pytest.mark.parametrize("gone", [{"a": 1.0}, {"a": 1.0, "b": 2.0, "c": 3.0}])
def test_keys_that_come_or_go_are_no_convergence(tmp_path: Path, gone: dict[str, float]) -> None:
    both = {"a": 1.0, "b": 2.0}
    assert delta(write(tmp_path, "old", both), write(tmp_path, "new", gone)) == math.inf


def test_what_is_not_a_number_never_converges(tmp_path: Path) -> None:
    nothing = {"a": math.nan}
    assert delta(write(tmp_path, "old", nothing), write(tmp_path, "new", nothing)) == math.inf


def test_a_line_without_its_number_is_the_students(tmp_path: Path) -> None:
    values = write(tmp_path, "old", {"a": 1.0})
    with pytest.raises(Stop, match="field 3 is no number") as caught:
        delta(values, values, field=3)
    assert caught.value.outcome is Outcome.RUNTIME_ERROR


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(old=VALUES, new=VALUES, data=st.data())
def test_the_order_of_keys_does_not_matter(
    tmp_path: Path, old: dict[str, float], new: dict[str, float], data: st.DataObject
) -> None:
    expected = max((abs(old.get(k, math.inf) - new.get(k, math.inf)) for k in {*old, *new}), default=0.0)
    shuffled = data.draw(st.permutations(sorted(new)))
    before = write(tmp_path, "old", old)
    assert delta(before, write(tmp_path, "sorted", new)) == expected
    assert delta(before, write(tmp_path, "shuffled", new, shuffled)) == expected


def test_a_round_is_one_job_unless_it_names_several() -> None:
    (one,) = jobs_of(check_options(Iterative.OPTIONS, {}))
    assert one == {"mapper": "mapper.py", "reducer": "reducer.py", "combiner": ""}
    several = jobs_of(
        check_options(Iterative.OPTIONS, {"jobs": ["m1.py r1.py", "m2.py r2.py c2.py", "m3.py"]})
    )
    assert [tuple(job.values()) for job in several] == [
        ("m1.py", "r1.py", ""),
        ("m2.py", "r2.py", "c2.py"),
        ("m3.py", "", ""),
    ]


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"carry": "pigeon"}, "carry"),
        ({"norm": "mean"}, "norm"),
        ({"check": "check.py"}, "check.py"),
        ({"carry": "side"}, "state.txt"),
        ({"jobs": ["a b c d"]}, "MAPPER"),
        ({"jobs": ["other.py"]}, "other.py"),
    ],
)
def test_options_of_rounds_that_contradict_themselves_are_refused(
    given: dict[str, object], what: str
) -> None:
    from bighost.pod.contract import RunLimits, RunOrder

    files = {"mapper.py": "", "reducer.py": ""}
    order = RunOrder("r", "iterative", files, ["in"], RunLimits(1.0, 1.0, 1, 1, 1, 1), dict(given))
    with pytest.raises(ContractError, match=what):
        check_rounds(order, check_options(Iterative.OPTIONS, dict(given)))
