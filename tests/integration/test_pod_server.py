"""The Pod Control Server as a node meets it: what it answers, how it ends, and what it survives."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from podserver import (
    CAT,
    COUNT_MAPPER,
    COUNT_REDUCER,
    Connection,
    PodServer,
    command,
    environment,
    order_of,
    pod_server,
    wait_for_end,
)

from bighost.pod.contract import VERSION, Outcome, RunReport, from_dict, to_dict
from bighost.pod.processes import descendants

SLEEP = "import time\ntime.sleep(600)\n"


@pytest.fixture(scope="module")
def pod() -> Iterator[PodServer]:
    with pod_server() as server:
        yield server


@pytest.fixture
def words(tmp_path: Path) -> Path:
    path = tmp_path / "words.txt"
    path.write_text("b a\nc a\n")
    return path


def test_ready_says_what_the_pod_is(pod: PodServer) -> None:
    status, ready = pod.ask("GET", "/ready")
    assert status == 200
    assert ready["contract"] == VERSION
    assert ready["framework"] == "streaming"
    assert ready["student_uid"] == pod.student
    assert ready["python"].startswith("3.")
    assert ("user" in ready["isolates"]) == (os.geteuid() == 0)


def test_the_socket_is_its_owners_alone(pod: PodServer) -> None:
    there = pod.socket.stat()
    assert stat.S_IMODE(there.st_mode) == 0o600
    assert there.st_uid == pod.socket.parent.stat().st_uid


def test_a_run_tells_its_progress_and_then_its_report(pod: PodServer, words: Path) -> None:
    *progress, last = pod.events(order_of([words], COUNT_MAPPER, COUNT_REDUCER))
    steps = [(event["progress"]["stage"], event["progress"]["done"]) for event in progress]
    assert steps == [("mapper", 0), ("mapper", 1), ("reducer", 0), ("reducer", 1)]
    report = from_dict(RunReport, last["report"])
    assert report.outcome is Outcome.OK
    assert [(file.name, file.size) for file in report.output] == [("part-00000", 12)]
    assert pod.output() == b"a\t2\nb\t1\nc\t1\n"


def test_several_calls_go_over_one_connection(pod: PodServer, words: Path) -> None:
    connection = Connection(pod.socket)
    for method, path in [("GET", "/ready"), ("POST", "/cancel"), ("GET", "/ready"), ("POST", "/reset")]:
        connection.request(method, path)
        answer = connection.getresponse()
        assert answer.status in (200, 204)
        answer.read()
    connection.request("POST", "/run", json.dumps(to_dict(order_of([words]))))
    assert b'"report"' in connection.getresponse().read()
    connection.request("GET", "/output/part-00000")
    assert connection.getresponse().read() == b"b a\t\nc a\t\n"
    connection.close()


def test_a_second_order_is_refused_while_one_runs(pod: PodServer, words: Path) -> None:
    with pod.running(order_of([words], SLEEP)) as events:
        next(events)
        for method, path, body in [
            ("POST", "/run", to_dict(order_of([words]))),
            ("POST", "/reset", None),
            ("GET", "/output/part-00000", None),
        ]:
            status, answer = pod.ask(method, path, body)
            assert (status, answer) == (409, {"error": "a run is going on"})
        assert pod.call("POST", "/cancel") == (204, b"")
        report = from_dict(RunReport, list(events)[-1]["report"])
    assert (report.outcome, report.stage) == (Outcome.CANCELLED, "mapper")
    assert pod.students() == []
    assert pod.run_ok(order_of([words])).outcome is Outcome.OK


def test_a_run_whose_reader_hangs_up_is_cancelled(pod: PodServer, words: Path) -> None:
    with pod.running(order_of([words], SLEEP)) as events:
        next(events)
        while not (students := pod.students()):
            pass
    assert wait_for_end(students[0].pid)
    assert pod.run_when_free(order_of([words])).outcome is Outcome.OK


def changed(order: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**order, **changes}


@pytest.mark.parametrize(
    ("changes", "words_of_error"),
    [
        ({"framework": "spark"}, "this pod runs streaming, not spark"),
        ({"inputs": []}, "the order names no inputs"),
        ({"inputs": "x"}, "RunOrder.inputs: a list is needed, not str"),
        ({"files": {}}, "option mapper is 'mapper.py', which is not among the files"),
        ({"files": {"mapper.py": "!", "reducer.py": ""}}, "file mapper.py is not base64"),
        (
            {"files": {"../x": "", "mapper.py": "", "reducer.py": ""}},
            "'../x' is no name for a student's file",
        ),
        ({"files": {"/etc/x": "", "mapper.py": "", "reducer.py": ""}}, "'/etc/x' is no name"),
        ({"options": {"reduzers": 1}}, "option reduzers is not known"),
        ({"options": {"reducers": -1}}, "option reducers must be at least 0, not -1"),
        ({"options": {"reducers": "1"}}, "option reducers: int is needed, not str"),
        ({"options": {"separator": "\n"}}, "option separator"),
        ({"arguments": ["x" * 70_000]}, "the arguments are longer"),
        ({"arguments": ["a\0b"]}, "an argument holds a NUL"),
        ({"arguments": ["\ud800"]}, "or is not UTF-8"),
        ({"files": {"\ud800": "", "mapper.py": "", "reducer.py": ""}}, "is no name for a student"),
        ({"limits": {}}, "RunOrder.limits: cpu_s is missing"),
    ],
)
def test_an_order_that_contradicts_itself_is_refused(
    pod: PodServer, words: Path, changes: dict[str, Any], words_of_error: str
) -> None:
    status, answer = pod.ask("POST", "/run", changed(to_dict(order_of([words])), **changes))
    assert status == 400
    assert words_of_error in answer["error"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"run": 1}'])
def test_a_body_that_is_no_order_is_refused(pod: PodServer, body: bytes) -> None:
    status, answer = pod.call("POST", "/run", body)
    assert status == 400
    assert json.loads(answer)["error"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/run", 404),
        ("POST", "/ready", 404),
        ("PUT", "/run", 501),
        ("GET", "/output/", 404),
        ("GET", "/output/part-99999", 404),
        ("GET", "/output/..%2Fspill", 404),
        ("GET", "/output/../../../../etc/passwd", 404),
        ("GET", "/output/%2Fetc%2Fpasswd", 404),
        ("GET", "/output/%00", 404),
    ],
)
def test_calls_that_do_not_exist_are_refused(pod: PodServer, method: str, path: str, status: int) -> None:
    got, answer = pod.ask(method, path)
    assert got == status
    assert answer["error"]


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"POST /run HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", b"413"),
        (b"POST /run HTTP/1.1\r\nContent-Length: -5\r\n\r\n", b"411"),
        (b"POST /run HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"411"),
        (b"POST /run HTTP/1.1\r\nContent-Length: 50\r\n\r\n{}", b"400"),
        (b"\x00\x01\x02\x03\r\n\r\n", b"400"),
        (b"GET /ready HTTP/9.9\r\n\r\n", b"505"),
        (b"GET /" + b"x" * 66_000 + b" HTTP/1.1\r\n\r\n", b"414"),
    ],
)
def test_bytes_that_are_no_request_are_refused(pod: PodServer, request_bytes: bytes, status: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(str(pod.socket))
        connection.sendall(request_bytes)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.split(b" ", 2)[1] == status
    assert pod.ask("GET", "/ready")[0] == 200


def test_a_reset_forgets_the_output(pod: PodServer, words: Path) -> None:
    pod.run_ok(order_of([words]))
    assert pod.output()
    assert pod.reset() == {"clean": True}
    assert pod.call("GET", "/output/part-00000")[0] == 404
    assert not [path for path in pod.work.rglob("*") if path.is_file()]


def test_a_missing_input_is_our_fault_and_named(pod: PodServer, tmp_path: Path) -> None:
    report = pod.run(order_of([tmp_path / "nowhere.txt"]))
    assert report.outcome is Outcome.FAULT
    assert "nowhere.txt" in report.message
    assert report.output == []


def test_a_disk_that_refuses_is_our_fault(words: Path) -> None:
    with pod_server() as server:
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (4096, 4096))
        flood = "for i in range(100000): print(i)\n"
        report = server.run(order_of([words], flood))
        assert report.outcome is Outcome.FAULT
        assert "File too large" in report.message
        assert server.students() == []


def test_sigterm_ends_everything(words: Path) -> None:
    with pod_server() as server, server.running(order_of([words], SLEEP)) as events:
        next(events)
        while not (students := server.students()):
            pass
        server.stop()
        assert wait_for_end(students[0].pid)
        assert server.process.returncode == 0
        assert not server.socket.exists()


def test_a_killed_server_takes_its_students_along(words: Path) -> None:
    daemon = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    os.fork()\ntime.sleep(600)\n"
    with pod_server() as server, server.running(order_of([words], daemon)) as events:
        next(events)
        while len(students := server.students()) < 3:
            pass
        server.process.kill()
        assert all(wait_for_end(student.pid) for student in students)


def test_without_its_warden_a_pod_is_broken(words: Path) -> None:
    with pod_server() as server:
        (warden,) = descendants(server.process.pid)
        os.kill(warden.pid, signal.SIGKILL)
        wait_for_end(warden.pid)
        assert server.run(order_of([words])).outcome is Outcome.FAULT
        assert server.reset()["clean"] is False
        assert server.ask("GET", "/ready")[0] == 500


def test_a_folder_in_use_is_not_taken(pod: PodServer, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    done = subprocess.run(
        command(tmp_path / "pod.sock", tmp_path),
        env=environment(pod.code),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert "thesis.tex" in done.stderr
    assert (tmp_path / "thesis.tex").exists()


def test_cat_is_what_it_says(pod: PodServer, words: Path) -> None:
    assert pod.run_ok(order_of([words], CAT, CAT)).stages[0].records_in == 2
