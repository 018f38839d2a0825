"""Jobs through the HTTP API: who sees which, how much of it, and what nodes may do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from bighost.job.assignment import Feedback
from bighost.job.state import State
from bighost.job.verdict import Verdict
from bighost.wire import messages as say
from bighost.wire.http import NewAssignment, NodeView, StatusView
from tests.integration.api import Who, api, problem
from tests.integration.api_job import KEY, SECRET, STAGE, WRONG, read, running, told_then, wrote
from tests.integration.coordinators import PROGRAMS, add_assignment, ended, hand_in

# -- whose jobs


async def test_a_student_sees_the_jobs_of_their_own_team_and_staff_see_all(tmp_path: Path) -> None:
    async with api(tmp_path) as asked:
        await add_assignment(asked.at)
        job = await hand_in(asked.at)
        for verb, rest in (
            ("GET", ""),
            ("GET", "/story"),
            ("GET", "/files"),
            ("GET", "/events"),
            ("POST", "/cancel"),
        ):
            told = problem(await asked.ask(verb, f"/api/jobs/{job.id}{rest}", Who.RIVAL))
            assert (told.status, told.detail) == (404, f"There is no job '{job.id}' that you may see."), rest
        for who, jobs in ((Who.STUDENT, 1), (Who.RIVAL, 0), (Who.STAFF, 1)):
            assert len((await asked.ask("GET", "/api/jobs?team=reds", who)).json()) == jobs, who
        files = await asked.ask("GET", f"/api/jobs/{job.id}/files", Who.STUDENT)
        assert msgspec.json.decode(files.content, type=dict[str, bytes]) == PROGRAMS
        still = await asked.at.job(job.id)
        assert still is not None
        assert still.state is State.WAITING


async def test_a_students_snapshot_shows_no_other_teams_jobs(tmp_path: Path) -> None:
    async with running(tmp_path) as play:
        seen = {}
        for who in (Who.STUDENT, Who.RIVAL, Who.STAFF):
            answer = await play.asked.ask("GET", "/api/status", who)
            seen[who] = msgspec.json.decode(answer.content, type=StatusView)
    assert [len(s.running) for s in seen.values()] == [1, 0, 1]
    assert all(n.settings == {} for n in seen[Who.STUDENT].nodes)


# -- how much of a job


async def test_full_feedback_tells_where_the_output_differs_but_not_what_was_expected(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, Feedback.FULL) as play:
        await play.grade_as_wrong()
        mine = await play.as_seen(Who.STUDENT)
    assert (mine.verdict, mine.score) == (Verdict.WRONG_ANSWER, 0.0)
    assert "Your value 'two' of key 'pear' (line 2)" in mine.message
    assert mine.stages == (STAGE,)


async def test_feedback_by_stage_tells_the_traceback_and_not_the_difference(tmp_path: Path) -> None:
    async with running(tmp_path, Feedback.STAGE) as play:
        await play.grade_as_wrong()
        mine = await play.as_seen(Who.STUDENT)
    assert "pear" not in msgspec.json.encode(mine).decode()
    assert mine.verdict is Verdict.WRONG_ANSWER
    assert [(s.name, s.stderr, s.counters, s.status) for s in mine.stages] == [
        ("reducer", STAGE.stderr, {}, "")
    ]


async def test_feedback_by_verdict_tells_verdict_and_score_alone(tmp_path: Path) -> None:
    async with running(tmp_path, Feedback.VERDICT) as play:
        await play.grade_as_wrong()
        mine = await play.as_seen(Who.STUDENT)
    assert (mine.verdict, mine.score, mine.message, mine.stages, mine.stage) == (
        Verdict.WRONG_ANSWER,
        0.0,
        "",
        (),
        "",
    )
    assert [t.message for t in mine.tests] == [""]


@pytest.mark.parametrize("feedback", Feedback)
async def test_what_was_expected_is_told_to_staff_and_nowhere_to_students(
    tmp_path: Path, feedback: Feedback
) -> None:
    async with running(tmp_path, feedback) as play:
        await play.grade_as_wrong()
        staff = await play.as_seen(Who.STAFF)
        paths = [f"/api/jobs/{play.job}{rest}" for rest in ("", "/story", "/files", "/events")]
        paths += ["/api/jobs", "/api/status", "/api/assignments", "/api/assignments/wc", "/api/nodes"]
        told = [await play.asked.ask("GET", path, Who.STUDENT) for path in paths]
    assert f"where '{SECRET.decode()}' is expected" in staff.message
    assert staff.stages == (STAGE,)
    assert {answer.status_code for answer in told} == {200}
    assert not [a.url for a in told if SECRET in a.content]


# -- as it goes


async def test_who_follows_a_job_sees_it_change_and_the_stream_ends_with_it(tmp_path: Path) -> None:
    async with running(tmp_path) as play:
        path = f"/api/jobs/{play.job}/events"
        async with play.asked.open("GET", path, Who.STUDENT) as answer:
            assert await answer.status() == 200
            seen = [read(data) async for data in told_then(answer, play.hand_in_result(wrote(KEY)))]
        async with play.asked.open("GET", path, Who.STUDENT) as answer:
            assert await answer.status() == 200
            afterwards = [read(data) async for data in answer.events()]
    assert not seen[0].state.final
    assert (seen[-1].state, seen[-1].verdict) == (State.GRADED, Verdict.PASSED)
    assert [job.state for job in afterwards] == [State.GRADED]


async def test_a_cancelled_job_ends_its_stream(tmp_path: Path) -> None:
    async with running(tmp_path) as play:
        path = f"/api/jobs/{play.job}"
        cancelling = play.asked.ask("POST", f"{path}/cancel", Who.STUDENT)
        async with play.asked.open("GET", f"{path}/events", Who.STUDENT) as answer:
            assert await answer.status() == 200
            seen = [read(data) async for data in told_then(answer, cancelling)]
        assert (await play.fake.hears(say.Cancel)).job == play.job
    assert [seen[0].state.final, seen[-1].state] == [False, State.CANCELLED]


# -- what nodes may do


async def test_another_nodes_output_and_one_that_nobody_waits_for_are_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as play:
        early = problem(await play.upload(play.node_token))
        await play.hand_in_result(wrote(WRONG))
        foreign = problem(await play.upload(Who.NODE, KEY))
        assert (await play.upload(play.node_token)).status_code == 204
        done = await ended(play.asked.at, play.job)
        late = problem(await play.upload(play.node_token, KEY))
    assert {early.status, foreign.status, late.status} == {410}
    assert done.verdict is Verdict.WRONG_ANSWER


async def test_an_output_that_is_longer_than_it_may_be_is_refused_for_good(tmp_path: Path) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(1024**2)

    async with running(tmp_path) as play:
        await play.hand_in_result(wrote(WRONG))
        path = f"/api/node/jobs/{play.job}/1/outputs/t"
        told = problem(await play.asked.ask("PUT", path, play.node_token, content=endless()))
        left = list((tmp_path / "outputs").iterdir())
    assert (told.status, left) == (413, [])


async def test_the_originals_management_api_shows_nodes_and_their_logs(tmp_path: Path) -> None:
    async with running(tmp_path) as play:
        await play.fake.say(say.Logs(stream="worker1", offset=0, data=b"hello\n"))
        await play.hand_in_result(wrote(KEY))  # what was said before has been handled
        executors = (await play.asked.ask("GET", "/executors", Who.STAFF)).json()
        logs = (await play.asked.ask("GET", "/logs", Who.STAFF)).json()["logs"]
        own = (await play.asked.ask("GET", "/api/nodes/fake/logs", Who.STAFF)).json()
    seen = {name: msgspec.convert(each, NodeView) for name, each in executors.items()}
    assert {name: each.state for name, each in seen.items()} == {"fake": "here", "node": "away"}
    assert seen["fake"].terms == say.CreditTerms(window=4, low_water=2, batch=4)
    assert seen["fake"].system is not None
    assert logs == {"fake": {"worker1_logs.txt": "hello\n"}, "node": {}}
    assert own == logs["fake"]


# -- assignments


async def test_an_assignment_whose_files_were_not_uploaded_is_not_added(tmp_path: Path) -> None:
    async with api(tmp_path) as asked:
        plain = await add_assignment(asked.at)
        lost = msgspec.structs.replace(plain, id="lost")
        (data,) = plain.datasets["s"].files
        await asked.at.blobs.delete(data)
        told = []
        for keys in ({}, {"t": "0" * 64}, {"t": plain.answers["t"].digest}):
            body = NewAssignment(assignment=lost, keys=keys)
            told.append(problem(await asked.ask("POST", "/api/assignments", Who.STAFF, body=body)))
        assert [a["id"] for a in (await asked.ask("GET", "/api/assignments")).json()] == ["wc"]
    assert {t.status for t in told} == {422}
    assert ["has no answer" in told[0].detail, "was not uploaded" in told[1].detail] == [True, True]
    assert f"dataset file {data[:12]} was not uploaded" in told[2].detail
