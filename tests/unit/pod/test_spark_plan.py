"""What an order for Spark may ask for, where its inputs go, and how the JVM is spoken to."""

from __future__ import annotations

import dataclasses
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bighost.pod.contract import ContractError, RunLimits, RunOrder, check_options
from bighost.pod.frameworks.spark import Spark
from bighost.pod.sandbox import Fault
from bighost.pod.spark.gateway import Gateway, read_address
from bighost.pod.spark.inputs import lay_out
from bighost.pod.spark.jvm import LEAST_HEAP_BYTES, MOST_HEAP_BYTES, heap_bytes

LIMITS = RunLimits(1.0, 1.0, 1 << 20, 8, 1 << 20, 1 << 20)
ORDER = RunOrder("r", "spark", {"spark.py": ""}, ["a", "b"], LIMITS)


def check(order: RunOrder = ORDER, **options: Any) -> None:
    spark = Spark()
    spark.check(order, check_options(Spark.OPTIONS, options))


def test_an_order_with_all_options() -> None:
    check(tables=["flights", "airports"], forbid=["collect", "coalesce(1)"], success=True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"program": "main.py"}, "not among the files"),
        ({"forbid": ["print"]}, "option forbid knows collect, coalesce"),
        ({"tables": ["../x"]}, "no name for a folder"),
        ({"tables": [1]}, "no name for a folder"),
        ({"tables": ["a", "a"]}, "twice"),
        ({"tables": ["a", "b", "c"]}, "2 inputs for 3 tables"),
    ],
)
def test_an_order_that_contradicts_itself(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ContractError, match=words):
        check(**options)


def test_an_order_without_input() -> None:
    with pytest.raises(ContractError, match="0 inputs"):
        check(dataclasses.replace(ORDER, inputs=[]))


def test_a_pod_is_never_reset_after_an_order() -> None:
    assert Spark.REUSE == "never"
    Spark().reset()  # nothing has run


def test_inputs_are_parts_of_one_folder() -> None:
    assert [str(each.place) for each in lay_out(["x", "y"], [])] == ["part-00000", "part-00001"]


def test_all_tables_but_the_first_are_the_last_files() -> None:
    placed = lay_out(["f1", "f2", "a", "p"], ["flights", "airports", "planes"])
    assert [(each.source, str(each.place)) for each in placed] == [
        ("f1", "flights/part-00000"),
        ("f2", "flights/part-00001"),
        ("a", "airports/part-00000"),
        ("p", "planes/part-00000"),
    ]


@pytest.mark.parametrize(
    ("cap", "heap"),
    [(None, 1 << 30), (3 << 30, 3 << 29), (1 << 20, LEAST_HEAP_BYTES), (1 << 50, MOST_HEAP_BYTES)],
)
def test_the_heap_is_half_of_the_container(cap: int | None, heap: int) -> None:
    assert heap_bytes(cap) == heap


def test_the_address_that_the_jvm_writes(tmp_path: Path) -> None:
    assert read_address(tmp_path / "address") is None
    (tmp_path / "address").write_bytes(bytes([0, 0, 0x30, 0x39, 0, 0, 0, 3]) + b"abc")
    assert read_address(tmp_path / "address") == Gateway(12345, "abc")


class FakeJvm:
    """Answers every command with the same line, and keeps what it heard."""

    def __init__(self, answer: bytes) -> None:
        self.heard = b""
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.gateway = Gateway(self._listener.getsockname()[1], "secret")
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            while heard := connection.recv(4096):
                self.heard += heard
                connection.sendall(self._answer)

    def close(self) -> None:
        self._thread.join(10)
        self._listener.close()


@pytest.fixture
def willing() -> Iterator[FakeJvm]:
    jvm = FakeJvm(b"!yv\n")
    yield jvm
    jvm.close()


@pytest.fixture
def unwilling() -> Iterator[FakeJvm]:
    jvm = FakeJvm(b"!x\n")
    yield jvm
    jvm.close()


def test_a_call_shows_the_secret_and_escapes_line_ends(willing: FakeJvm) -> None:
    willing.gateway.set_properties({"spark.master": "a\nb\\c"})
    willing.close()
    assert willing.heard == b"A\nsecret\nc\nz:java.lang.System\nsetProperty\nsspark.master\nsa\\nb\\\\c\ne\n"


def test_a_jvm_that_refuses_is_our_fault(unwilling: FakeJvm) -> None:
    with pytest.raises(Fault, match=r"does not call java\.lang\.System\.gc"):
        unwilling.gateway.collect_garbage()


def test_a_jvm_that_is_gone_is_our_fault() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Fault, match="does not answer"):
        Gateway(port, "secret").collect_garbage()
