"""`bighost status` on a terminal, driven through its keys, against a coordinator that runs."""

import json
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bighost.wire.http import NewUser
from tests.acceptance.cluster import Cluster, cluster
from tests.acceptance.screens import DEADLINE_S, Person, at_terminal

NASTY = b"import sys\nsys.exit('\\x1b[2J\\x1b]0;pwned\\x07[bold]gone')\n"


@contextmanager
def watching(at: Cluster, columns: int = 100, lines: int = 30, **more: str) -> Iterator[Person]:
    environment = {k: v for k, v in at.environment.items() if k not in ("NO_COLOR", "COLUMNS", "LINES")}
    environment |= {"BIGHOST_URL": at.url, "BIGHOST_TOKEN": at.admin, "TERM": "xterm-256color", **more}
    with at_terminal("status", environment=environment, columns=columns, lines=lines) as person:
        yield person


@pytest.fixture(scope="module")
def quick() -> Iterator[Cluster]:
    """A node, an assignment whose programs end at once, and two submissions that were graded."""
    with cluster() as made:
        made.up()
        made.join("laptop", profile="lightweight")
        folder = made.folder / "quick"
        made.command("assignments", "new", str(folder))
        made.command("assignments", "add", str(folder), "--runtime", "process")
        (passed,) = (folder / "submissions/passed").iterdir()
        right = {p.name: p.read_bytes() for p in passed.glob("*.py")}
        hand_in(made, "reds", right)
        hand_in(made, "blues", right | {"mapper.py": NASTY})
        yield made


def hand_in(at: Cluster, team: str, files: dict[str, bytes]) -> str:
    """Hand in as a team, and wait for the verdict."""
    with at.client() as staff:
        (user,) = staff.add_users([NewUser(name=f"one-of-{team}", team=team)])
    with at.client(user.token) as student:
        *_, job = student.follow(student.submit(files).id)
    return job.id


def test_a_person_looks_round_and_leaves_the_terminal_as_it_was(quick: Cluster) -> None:
    with watching(quick) as person:
        shown = person.sees("● live", "1 of 1 nodes", "reds", "passed", "blues", "runtime_error")
        assert re.search(r"[1-9] marks/h", shown)
        assert person.seen.alternate
        assert person.seen.colours

        person.type("4\r")
        person.sees("job ", "attempt 1 handed to laptop", "graded: runtime_error")
        person.type("\x1b[C")
        person.sees("\\x1b[2J\\x1b]0;pwned\\x07[bold]gone")
        person.type("\x1b")
        person.sees("▶ latest")
        person.type("\x1b[Z\x1b[Z\x1b[Z\r")
        person.sees("log of laptop")
        person.type("\x1b[D\x1b")
        person.sees("▶ nodes")
        person.type("/reds\r")
        person.sees_that(lambda text: "reds" in text and "blues" not in text, "reds alone")
        person.type("p")
        person.sees("paused")
        person.type("?")
        person.sees("leave; the coordinator goes on")
        person.type("q")

        assert person.leaves() == 0
        assert not person.seen.alternate
        assert person.seen.cursor
        assert person.attributes == person.before


def test_what_happens_is_shown_without_a_key(quick: Cluster) -> None:
    with watching(quick) as person:
        person.sees("● live", "reds")
        hand_in(quick, "greens", {"mapper.py": b"print('a\\t1')\n", "reducer.py": b"print('b')\n"})

        person.sees("greens", "wrong_answer")


def test_a_terminal_that_changes_its_size(quick: Cluster) -> None:
    with watching(quick, 80, 24) as person:
        person.sees("● live", "▶ nodes", "reds")
        person.resize(40, 10)
        person.sees("This terminal has 40×10 cells")
        person.resize(200, 40)
        shown = person.sees("● live", "reds")
        assert any("▶ nodes" in line and "─ running" in line for line in shown.splitlines())


def test_a_coordinator_that_is_started_again(quick: Cluster) -> None:
    with watching(quick) as person:
        person.sees("● live", "reds")
        quick.kill(quick.coordinator)
        shown = person.sees("reconnecting…")
        assert "reds" in shown

        quick.again()

        shown = person.sees("● live", "1 of 1 nodes", "runtime_error")
        assert re.search(r"[1-9] marks/h", shown)
        person.type("\x03")
        assert person.leaves() == 0


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_whoever_stops_it_gets_the_terminal_back(quick: Cluster, stop: signal.Signals) -> None:
    with watching(quick) as person:
        person.sees("● live")
        person.process.send_signal(stop)

        assert person.leaves() == 128 + stop
        assert not person.seen.alternate
        assert person.attributes == person.before


def test_a_window_that_is_closed_ends_it(quick: Cluster) -> None:
    with watching(quick) as person:
        person.sees("● live")
        person.close()

        person.process.wait(DEADLINE_S)


def test_a_token_that_is_revoked_ends_it_with_a_sentence(quick: Cluster) -> None:
    with quick.client() as staff:
        (user,) = staff.add_users([NewUser(name="ana", team="reds")])
        (token,) = [t for t in staff.tokens() if t.subject == "ana"]
        with watching(quick, BIGHOST_TOKEN=user.token) as person:
            person.sees("● live")
            staff.revoke(token.id)
            quick.kill(quick.coordinator)
            quick.again()

            assert person.leaves() == 77
            assert not person.seen.alternate
            assert "token" in person.seen.text


def test_no_color_means_none(quick: Cluster) -> None:
    with watching(quick, NO_COLOR="1") as person:
        person.sees("● live")
        assert not person.seen.colours


def test_a_dumb_terminal_gets_plain_tables(quick: Cluster) -> None:
    with watching(quick, TERM="dumb") as person:
        assert person.leaves() == 0
        assert "of 1 nodes here" in person.seen.text
        assert not person.seen.alternate


def test_one_frame_json_and_a_picture_for_pipes(quick: Cluster) -> None:
    frame = quick.command("status", "--once").stdout
    assert "\x1b" not in frame
    assert "─ latest " in frame
    assert "Enter look" not in frame
    assert json.loads(quick.command("status", "--json").stdout)["throughput"]["span_s"] == 5.0

    picture = quick.folder / "status.svg"
    quick.command("status", "--svg", str(picture), "--size", "100x30")
    drawn = picture.read_text()
    assert "runtime_error" in drawn
    assert "font-face" not in drawn
    refused = quick.command("status", "--svg", str(picture), "--size", "big", check=False)
    assert refused.returncode == 78
    assert "COLUMNSxLINES" in refused.stderr
