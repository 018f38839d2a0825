"""An output folder is read as Hadoop would read it, and nothing in it is trusted."""

from __future__ import annotations

import bz2
import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from bighost.pod.contract import Outcome, OutputFile, RunLimits, RunOrder
from bighost.pod.run import Run, Stop
from bighost.pod.sandbox import Sandbox
from bighost.pod.spark.output import read_output
from bighost.pod.workdir import Workdir

LIMITS = RunLimits(1.0, 1.0, 1 << 20, 8, output_bytes=1000, disk_bytes=1 << 20)
Read = Callable[..., list[OutputFile]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    order = RunOrder("r", "spark", {}, ["x"], LIMITS)
    return Run(order, {}, 1, cast(Sandbox, None), Workdir(tmp_path / "work", None), lambda _: None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "output"
    made.mkdir()
    return made


def outcome_of(run: Run, folder: Path, needs_success: bool = False) -> tuple[Outcome, str]:
    with pytest.raises(Stop) as caught:
        read_output(run, folder, needs_success)
    return caught.value.outcome, caught.value.message


def test_parts_come_in_the_order_of_their_names_and_get_plain_ones(run: Run, folder: Path) -> None:
    for name, text in {
        "part-00001-ab-c000.csv": "b\n",
        "part-00000-ab-c000.csv": "a\n",
        "_SUCCESS": "",
    }.items():
        (folder / name).write_text(text)
    (folder / ".part-00000-ab-c000.csv.crc").write_text("x")
    files = read_output(run, folder, needs_success=True)
    assert [(file.name, file.size) for file in files] == [("part-00000", 2), ("part-00001", 2)]
    assert [(run.workdir.output / file.name).read_text() for file in files] == ["a\n", "b\n"]


def test_a_folder_that_is_not_there_is_no_output(run: Run, tmp_path: Path) -> None:
    assert read_output(run, tmp_path / "nowhere", needs_success=True) == []


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress)])
def test_compressed_parts_are_unpacked(
    run: Run, folder: Path, suffix: str, pack: Callable[[bytes], bytes]
) -> None:
    (folder / f"part-00000{suffix}").write_bytes(pack(b"a\tb\n"))
    (file,) = read_output(run, folder, needs_success=False)
    assert (run.workdir.output / file.name).read_bytes() == b"a\tb\n"


@pytest.mark.parametrize("suffix", [".gz", ".bz2"])
def test_a_part_that_cannot_be_unpacked(run: Run, folder: Path, suffix: str) -> None:
    (folder / f"part-00000{suffix}").write_bytes(b"no")
    assert "can't be unpacked" in outcome_of(run, folder)[1]


def test_a_bomb_ends_at_the_output_limit(run: Run, folder: Path) -> None:
    (folder / "part-00000.gz").write_bytes(gzip.compress(bytes(100_000_000), 1))
    assert outcome_of(run, folder)[0] is Outcome.OUTPUT_LIMIT


def test_the_output_limit_is_for_all_parts_together(run: Run, folder: Path) -> None:
    for name in ("part-0", "part-1", "part-2"):
        (folder / name).write_bytes(bytes(400))
    assert outcome_of(run, folder)[0] is Outcome.OUTPUT_LIMIT


def test_links_are_not_followed(run: Run, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    (folder / "part-00000").symlink_to(tmp_path / "secret")
    assert "not a plain file" in outcome_of(run, folder)[1]
    link = tmp_path / "link"
    link.symlink_to(folder)
    assert outcome_of(run, link)[1] == "the output folder is not a folder"


def test_a_pipe_is_not_waited_for(run: Run, folder: Path) -> None:
    os.mkfifo(folder / "part-00000")
    assert "not a plain file" in outcome_of(run, folder)[1]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("result.csv", "no part file"),
        ("part-0\nx", "no part file"),
        ("part-00000.snappy.parquet", "write text, CSV or JSON"),
        ("part-00000.csv.zst", "gzip or bzip2"),
    ],
)
def test_files_of_other_kinds_are_refused_in_words(run: Run, folder: Path, name: str, words: str) -> None:
    (folder / name).write_text("x")
    assert words in outcome_of(run, folder)[1]


def test_partition_by_is_refused_in_words(run: Run, folder: Path) -> None:
    (folder / "month=1").mkdir()
    assert "partitionBy" in outcome_of(run, folder)[1]


def test_a_job_that_did_not_end_has_no_success(run: Run, folder: Path) -> None:
    (folder / "part-00000").write_text("x")
    assert "_SUCCESS" in outcome_of(run, folder, needs_success=True)[1]
    assert len(read_output(run, folder, needs_success=False)) == 1
