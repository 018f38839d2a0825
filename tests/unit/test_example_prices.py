"""The example `prices` without a broker: its data, its keys, and what is rejected."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from bighost import linter
from bighost.folder import Folder, read, read_handin
from bighost.job import sanity
from bighost.pod.contract import check_options
from bighost.pod.frameworks.kafka import Kafka
from bighost.pod.kafka.plan import Plan

PRICES = Path(__file__).parents[2] / "examples" / "prices"
SHIPPED = ("sample", "larger")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return read(PRICES, work=tmp_path_factory.mktemp("work"))


@pytest.mark.parametrize("name", SHIPPED)
def test_the_generator_makes_what_is_shipped(name: str) -> None:
    make = runpy.run_path(str(PRICES / "data/make.py"))
    count = make["TRADES"][name]
    assert list(make["trades"](count, seed=count)) == (PRICES / f"data/{name}.csv").read_text().splitlines(
        True
    )


@pytest.mark.parametrize("name", SHIPPED)
def test_the_key_tells_each_symbol_after_each_of_its_trades(name: str) -> None:
    trades = [line.split(",") for line in (PRICES / f"data/{name}.csv").read_text().splitlines()]
    rows = [line.split("\t") for line in (PRICES / f"answers/{name}.tsv").read_text().splitlines()]
    assert [row[0] for row in rows] == [trade[1] for trade in trades]
    last = {row[0]: row for row in rows}
    for symbol, (_, count, low, high, turnover) in last.items():
        own = [trade for trade in trades if trade[1] == symbol]
        prices = [int(trade[2]) for trade in own]
        assert (int(count), int(low), int(high)) == (len(own), min(prices), max(prices))
        assert int(turnover) == sum(int(trade[2]) * int(trade[3]) for trade in own)


def test_every_test_has_a_plan(folder: Folder) -> None:
    assignment = folder.assignment
    for test in assignment.tests:
        options = check_options(Kafka.OPTIONS, {**assignment.framework.options, **test.options})
        assert set(Plan.of(options).groups) == {"aggregates"}


def test_only_what_lies_under_rejected_is_rejected(folder: Folder) -> None:
    rules = folder.assignment

    def is_rejected(path: Path) -> bool:
        handin = read_handin(sorted(file for file in path.iterdir() if file.is_file()))
        return bool(sanity.check(rules.sanity, rules.files, handin, linter.ruff))

    found = {sample.path.name for sample in folder.submissions if is_rejected(sample.path)}
    assert found == {sample.path.name for sample in folder.submissions if sample.expected == "rejected"}
    assert len(folder.submissions) >= 15
