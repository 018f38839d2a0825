"""What people get wrong at the command line, each told in a sentence with the exit code of its blame."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import pytest

from bighost.job.assignment import Tries
from bighost.job.state import State
from bighost.wire.http import NewToken, NewUser
from tests.acceptance.cluster import DEADLINE_S, Cluster, cluster, run
from tests.acceptance.course import MAPPER, PROGRAMS, REDUCER, add_assignment, write

pytestmark = pytest.mark.timeout(120)
DID_NOT_GET_IN = 77
NOBODY = 75
OPERATOR = 78
STUDENT = 66


@pytest.fixture(scope="module")
def course() -> Iterator[Cluster]:
    """A coordinator without nodes, one assignment of each kind, and a student."""
    with cluster() as made:
        made.up()
        add_assignment(made, "once", tries=Tries(total=1))
        add_assignment(made, "hourly", tries=Tries(per_hour=1))
        add_assignment(made, "later", opens=datetime(2100, 1, 1, tzinfo=UTC))
        add_assignment(made, "over", due=datetime(2020, 1, 1, tzinfo=UTC))
        with made.client() as client:
            client.close_assignment(add_assignment(made, "closed").id)
            (student,) = client.add_users([NewUser(name="ana", team="reds")])
        made.serving["student"] = student.token
        yield made


def submit(course: Cluster, *args: str) -> subprocess.CompletedProcess[str]:
    return course.command("submit", *args, token=course.serving["student"], check=False)


def told(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """It ended with this exit code and said these words, in sentences and not by a traceback."""
    assert done.returncode == code, done.stderr
    assert [word for word in words if word not in done.stderr] == [], done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


# -- a hand-in that isn't right

HAND_INS = {
    "missing": ({"mapper.py": MAPPER}, "reducer.py: this file is missing"),
    "extra": ({**PROGRAMS, "notes.txt": b"hello"}, "notes.txt"),
    "empty": ({**PROGRAMS, "mapper.py": b""}, "mapper.py: this file is empty"),
    "binary": ({**PROGRAMS, "mapper.py": bytes(range(256))}, "mapper.py, line "),
    "syntax": ({"mapper.py": MAPPER, "reducer.py": REDUCER + b"print(\n"}, "reducer.py, line 7"),
}


@pytest.mark.parametrize("kind", HAND_INS)
def test_files_that_are_not_right_are_named_and_nothing_is_sent(
    course: Cluster, tmp_path: Path, kind: str
) -> None:
    files, words = HAND_INS[kind]
    done = submit(course, *write(tmp_path / "hand-in", files), "-a", "once")
    told(done, STUDENT, words, "Nothing was sent, and it costs no try.")
    with course.client() as client:
        assert client.jobs(assignment="once") == []


def test_files_that_are_too_large_or_no_files_at_all_are_not_even_read(
    course: Cluster, tmp_path: Path
) -> None:
    huge = tmp_path / "mapper.py"
    with huge.open("wb") as file:
        file.truncate(100 * 1024**2)
    told(submit(course, str(huge), "-a", "once"), STUDENT, "mapper.py has 100 MiB, too much")
    told(submit(course, str(tmp_path), "-a", "once"), STUDENT, "is a folder")
    told(submit(course, str(tmp_path / "nowhere.py"), "-a", "once"), STUDENT, "nowhere.py", "No such file")


def test_what_was_not_right_has_cost_no_try_and_what_was_has(course: Cluster, tmp_path: Path) -> None:
    bad = write(tmp_path / "bad", {**PROGRAMS, "mapper.py": b"import"})
    good = write(tmp_path / "good", PROGRAMS)

    rejected = submit(course, *bad, "-a", "once", "--send-anyway")
    taken = submit(course, *good, "-a", "once")

    assert rejected.returncode == STUDENT
    assert "mapper.py, line 1" in rejected.stdout
    assert taken.returncode == 0
    told(submit(course, *good, "-a", "once"), STUDENT, "your team has used all 1 tries for once")
    assert submit(course, *good, "-a", "hourly").returncode == 0
    told(submit(course, *good, "-a", "hourly"), STUDENT, "tries of this hour", "one is free in ")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("-a", "hourl"), ("there is no assignment 'hourl'", "hourly")),
        (("-a", "closed"), ("assignment closed is closed",)),
        (("-a", "over"), ("assignment over is closed", "2020-01-01")),
        (("-a", "later"), ("assignment later is not yet open", "2100-01-01")),
        ((), ("several assignments are open: once, hourly", "--assignment ID")),
    ],
)
def test_an_assignment_that_takes_no_hand_ins_says_why(
    course: Cluster, tmp_path: Path, options: tuple[str, ...], words: tuple[str, ...]
) -> None:
    told(submit(course, *write(tmp_path / "hand-in", PROGRAMS), *options), STUDENT, *words)


# -- tokens


def test_tokens_that_are_not_good_open_nothing_and_say_why(course: Cluster) -> None:
    with course.client() as client:
        expired = client.new_token(NewToken(user="ana", expires_in_s=-1))
        revoked = client.new_token(NewToken(user="ana"))
        client.revoke(revoked.id)
    tokens = {"is unknown": "nonsense", "has expired": expired.token, "was revoked": revoked.token}
    for why, token in tokens.items():
        done = course.command("jobs", "list", token=token, check=False)
        told(done, DID_NOT_GET_IN, f"the one that came {why}", "bighost login")
    done = course.command("users", "list", token=course.serving["student"], check=False)
    told(done, DID_NOT_GET_IN, "This is for staff; you are student.")


def test_a_node_without_a_good_join_token_is_told_why(course: Cluster) -> None:
    with course.client() as client:
        revoked = client.new_token(NewToken())
        client.revoke(revoked.id)
    for token, why in (("nonsense", "is unknown"), (revoked.token, "was revoked")):
        told(join(course, "--token", token), DID_NOT_GET_IN, f"this join token {why}", "token new")


def test_a_node_that_never_enrolled_needs_a_token(course: Cluster) -> None:
    told(join(course), OPERATOR, "not enrolled", "--token")


def test_a_node_that_staff_forgot_stops_and_does_not_come_back_as_the_same(coordinator: Cluster) -> None:
    add_assignment(coordinator)
    coordinator.join("lab", profile="lightweight")
    with coordinator.client() as client:
        *_, job = client.follow(client.submit(PROGRAMS).id)
    assert job.node == "lab"
    assert coordinator.command("nodes", "forget", "lab").returncode == 0

    assert coordinator.nodes["lab"].wait(DEADLINE_S) == DID_NOT_GET_IN
    assert "Staff have removed this node" in coordinator.log("lab")
    for options in (("--token", coordinator.serving["join_token"]), ()):
        again = join(coordinator, *options, "--runtime", "process", name="lab")
        assert again.returncode == DID_NOT_GET_IN
        assert "another --data folder" in again.stderr


# -- ports, folders and URLs


def test_a_port_that_is_taken_is_named(course: Cluster, tmp_path: Path) -> None:
    address = urlsplit(course.url)
    done = up(course, tmp_path, address.netloc)
    told(done, OPERATOR, f"port {address.port} on 127.0.0.1 is taken", "--listen")


def test_a_second_coordinator_on_the_same_data_is_refused(course: Cluster) -> None:
    done = up(course, course.folder / "c", "127.0.0.1:0")
    told(done, OPERATOR, str(course.folder / "c"), f"process {course.serving['pid']}")
    assert course.command("status").returncode == 0


def test_somebody_who_is_no_coordinator_is_recognised(course: Cluster, tmp_path: Path) -> None:
    files = write(tmp_path / "hand-in", PROGRAMS)
    with web_site() as url:
        for command in (("status",), ("submit", *files), ("submit", *files, "--send-anyway")):
            told(course.command(*command, "--url", url, check=False), NOBODY, "Is the URL that of")


def test_nobody_there_is_told_with_the_url(course: Cluster) -> None:
    with web_site() as url:
        pass  # its port is free again
    told(
        course.command("status", "--url", url, check=False), NOBODY, f"nobody answers at {url}", "BIGHOST_URL"
    )
    told(course.command("status", "--url", "ftp://x", check=False), OPERATOR, "'ftp://x' is not a URL")


# -- while a person waits


def test_ctrl_c_while_waiting_says_how_to_look_again_and_the_job_goes_on(
    course: Cluster, tmp_path: Path
) -> None:
    add_assignment(course, "patience")
    files = write(tmp_path / "hand-in", PROGRAMS)
    with waiting(course, *files, "-a", "patience") as (process, talk):
        read_until(talk, "waiting: ")
        process.send_signal(signal.SIGINT)
        rest = talk.read()
        assert process.wait(DEADLINE_S) == 130
    with course.client() as client:
        (job,) = client.jobs(assignment="patience")
    assert f"bighost jobs show {job.id} --wait" in rest
    assert "Traceback" not in rest
    assert job.state is State.WAITING


def test_a_coordinator_that_is_started_anew_meanwhile_is_waited_for(
    coordinator: Cluster, tmp_path: Path
) -> None:
    add_assignment(coordinator)
    coordinator.serving["student"] = coordinator.admin
    with waiting(coordinator, *write(tmp_path / "hand-in", PROGRAMS)) as (process, talk):
        read_until(talk, "waiting: next in line")
        coordinator.kill(coordinator.coordinator)
        read_until(talk, "reconnecting")
        coordinator.again()
        coordinator.join("core")
        assert process.stdout is not None
        assert "passed, 10 of 10" in process.stdout.read()
        assert process.wait(DEADLINE_S) == 0


def join(course: Cluster, *options: str, name: str = "stranger") -> subprocess.CompletedProcess[str]:
    """A node that won't get far."""
    args = ("node", "join", course.url, "--data", str(course.folder / name), *options)
    return run(*args, environment=course.environment, check=False)


def up(course: Cluster, data: Path, listen: str) -> subprocess.CompletedProcess[str]:
    """A coordinator that won't get far."""
    args = ("coordinator", "up", "--data", str(data), "--listen", listen)
    return run(*args, environment=course.environment, check=False)


@contextmanager
def waiting(course: Cluster, *args: str) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """`bighost submit --wait`, and what it says while it waits."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bighost", "submit", "--wait", *args],
        env={**course.environment, "BIGHOST_URL": course.url, "BIGHOST_TOKEN": course.serving["student"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stderr is not None
            yield process, process.stderr
        finally:
            process.kill()


def read_until(talk: IO[str], words: str) -> None:
    """Read on to the line with these words; pytest's own time-out ends it where they never come."""
    assert any(words in line for line in talk), words


class WebSite(BaseHTTPRequestHandler):
    """Answers everything with a page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<h1>Welcome</h1>")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Nobody wants to know."""


@contextmanager
def web_site() -> Iterator[str]:
    """The URL of a server that is no coordinator."""
    with ThreadingHTTPServer(("127.0.0.1", 0), WebSite) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
