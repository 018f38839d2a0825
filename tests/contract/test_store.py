"""What every store promises, whatever it is made of: see `bighost.store.base`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, timezone

import pytest
from store_samples import (
    FULL_OF_EVERYTHING,
    Coordinator,
    a_job,
    a_node,
    a_pair,
    a_token,
    a_user,
    an_assignment,
    digest,
    everything,
    ids,
    whole_pairs,
)

from bighost.errors import OperatorError, StoreFault
from bighost.job import job as part
from bighost.job.job import Job
from bighost.job.latency import Stamp
from bighost.job.role import Role
from bighost.job.state import FINAL, State
from bighost.job.verdict import Verdict
from bighost.store.base import Changes, JobFilter, Store, StoryLine
from bighost.wire.messages import Profile

UNKEEPABLE = a_user("zoe", team="\ud800")  # half a character: no Unicode, so no bytes


class TestReadingWhatWasWritten:
    async def test_a_job_comes_back_with_all_that_is_known_of_it(self, store: Store) -> None:
        job = a_job(
            "graded",
            state=State.GRADED,
            attempt=2,
            node="n1",
            tests=(
                part.TestRun(
                    name="t",
                    outcome="done",
                    stages=(part.Stage(test="t", name="mapper", counters={"words": {"seen": 7}}, exit=0),),
                    usage=part.Usage(0.5, 1024, 0.75),
                    output=part.Output(10, 1, digest(b"output")),
                    segments=part.Segments(
                        map_output=(("a", "b"),), reduce_input=("c",), reduce_output=("d",)
                    ),
                    verdict=Verdict.PASSED,
                ),
            ),
            verdict=Verdict.PASSED,
            score=10.0,
            message="naïve ✓",
            faults=(part.Fault(part.FaultKind.POD_DIED, "gone", 5, "n0", 1),),
            stamps={stamp: at for at, stamp in enumerate(Stamp)},
        )
        await store.commit(Changes(jobs=[job]))
        assert await store.job("graded") == job

    async def test_each_kind_of_record_comes_back(self, store: Store) -> None:
        await store.commit(FULL_OF_EVERYTHING)
        assert await store.files([digest(b"mapper")]) == {digest(b"mapper"): b"mapper"}
        assert await store.story("one") == FULL_OF_EVERYTHING.story
        assert await store.assignments() == FULL_OF_EVERYTHING.assignments
        assert await store.users() == FULL_OF_EVERYTHING.users
        assert await store.tokens() == FULL_OF_EVERYTHING.tokens
        assert await store.nodes() == FULL_OF_EVERYTHING.nodes
        assert await store.fact("secret") == b"\x00\xff"

    async def test_what_is_not_there_is_none_or_nothing(self, store: Store) -> None:
        assert await store.job("nobody") is None
        assert await store.fact("nothing") is None
        assert await store.files([digest(b"never")]) == {}
        assert await store.files([]) == {}
        assert await store.story("nobody") == []
        assert await store.hand_ins("wordcount", "nobody") == []
        assert set(map(len, (await everything(store)).values())) == {0}

    async def test_a_file_that_is_not_there_is_left_out(self, store: Store) -> None:
        await store.commit(Changes(files=[(digest(b"a"), b"a"), (digest(b"empty"), b"")]))
        wanted = [digest(b"a"), digest(b"never"), digest(b"empty")]
        assert await store.files(wanted) == {digest(b"a"): b"a", digest(b"empty"): b""}

    async def test_a_due_date_keeps_the_zone_that_staff_wrote(self, store: Store) -> None:
        due = datetime(2026, 11, 30, 18, tzinfo=timezone(timedelta(hours=5, minutes=30)))
        await store.commit(Changes(assignments=[an_assignment("a", due=due)]))
        (kept,) = await store.assignments()
        assert kept.due is not None
        assert kept.due.isoformat() == "2026-11-30T18:00:00+05:30"

    async def test_what_the_reader_does_to_a_dictionary_stays_with_the_reader(self, store: Store) -> None:
        job = a_job("one")
        await store.commit(Changes(jobs=[job]))
        job.files["mapper.py"] = "changed after the commit"
        assert await store.job("one") == a_job("one")


class TestReplacing:
    async def test_a_job_replaces_the_one_of_its_id(self, store: Store) -> None:
        await store.commit(Changes(jobs=[a_job("one"), a_job("two")]))
        await store.commit(Changes(jobs=[a_job("one", state=State.GRADED, score=5.0)]))
        assert await store.job("one") == a_job("one", state=State.GRADED, score=5.0)
        assert ids(await store.live_jobs()) == ["two"]

    async def test_a_job_is_found_by_what_it_is_now(self, store: Store) -> None:
        await store.commit(Changes(jobs=[a_job("one", received=1), a_job("two", received=2)]))
        moved = a_job("one", received=3, team="bob", assignment="degrees", number=9)
        await store.commit(Changes(jobs=[moved, a_job("two", received=2, state=State.RUNNING)]))
        assert ids(await store.hand_ins("wordcount", "ada")) == ["two"]
        assert await store.hand_ins("degrees", "bob") == [moved]
        assert ids(await store.jobs(JobFilter())) == ["one", "two"]

    async def test_the_last_of_two_in_one_commit_stands(self, store: Store) -> None:
        twice = [a_job("one", message="first"), a_job("one", message="last", team="bob")]
        await store.commit(Changes(jobs=twice, facts=[("f", b"first"), ("f", b"last")]))
        assert await store.jobs(JobFilter()) == [twice[1]]
        assert await store.fact("f") == b"last"

    async def test_users_tokens_nodes_and_facts_are_replaced(self, store: Store) -> None:
        await store.commit(FULL_OF_EVERYTHING)
        changes = Changes(
            users=[a_user("lovelace", role=Role.STAFF)],
            tokens=[a_token("t", revoked=True)],
            nodes=[a_node("key", "renamed", profile=Profile.LIGHTWEIGHT)],
            facts=[("secret", b"new")],
        )
        await store.commit(changes)
        assert await store.users() == changes.users
        assert await store.tokens() == changes.tokens
        assert await store.nodes() == changes.nodes
        assert await store.fact("secret") == b"new"

    async def test_a_file_written_twice_is_there_once(self, store: Store) -> None:
        file = (digest(b"a"), b"a")
        await store.commit(Changes(files=[file, file]))
        await store.commit(Changes(files=[file]))
        assert await store.files([file[0], file[0]]) == {file[0]: b"a"}

    async def test_a_replaced_assignment_keeps_its_place(self, store: Store) -> None:
        await store.commit(Changes(assignments=[an_assignment("z"), an_assignment("m")]))
        await store.commit(Changes(assignments=[an_assignment("a")]))
        await store.commit(Changes(assignments=[an_assignment("z", title="new")]))
        assert [(a.id, a.title) for a in await store.assignments()] == [("z", "new"), ("m", "m"), ("a", "a")]


class TestOrder:
    async def test_live_jobs_are_those_that_are_not_final_as_they_were_received(self, store: Store) -> None:
        jobs = [a_job(state.name, received=100 - n, state=state) for n, state in enumerate(State)]
        await store.commit(Changes(jobs=jobs))
        expected = [s.name for s in reversed(State) if s not in FINAL]
        assert ids(await store.live_jobs()) == expected

    async def test_jobs_received_in_the_same_moment_are_in_the_order_of_their_ids(self, store: Store) -> None:
        await store.commit(Changes(jobs=[a_job("b"), a_job("c"), a_job("a")]))
        assert ids(await store.live_jobs()) == ["a", "b", "c"]
        assert ids(await store.jobs(JobFilter())) == ["c", "b", "a"]

    async def test_a_job_that_staff_run_again_is_live_again(self, store: Store) -> None:
        await store.commit(Changes(jobs=[a_job("one", state=State.FAILED)]))
        assert await store.live_jobs() == []
        await store.commit(Changes(jobs=[a_job("one", state=State.WAITING)]))
        assert ids(await store.live_jobs()) == ["one"]

    async def test_hand_ins_are_in_the_order_of_their_numbers(self, store: Store) -> None:
        mine = [a_job(f"j{n}", received=20 - n, number=n) for n in (10, 2, 1, 9)]
        others = [a_job("x", team="bob"), a_job("y", assignment="degrees")]
        await store.commit(Changes(jobs=[*mine, *others]))
        assert [j.number for j in await store.hand_ins("wordcount", "ada")] == [1, 2, 9, 10]

    async def test_a_story_is_told_as_it_was_written(self, store: Store) -> None:
        first = [StoryLine("one", 5, "arrived"), StoryLine("two", 5, "arrived"), StoryLine("one", 5, "waits")]
        await store.commit(Changes(story=first))
        await store.commit(Changes(story=[StoryLine("one", 4, "the clock was set back")]))
        assert [line.text for line in await store.story("one")] == [
            "arrived",
            "waits",
            "the clock was set back",
        ]

    async def test_people_tokens_and_nodes_have_their_orders(self, store: Store) -> None:
        await store.commit(
            Changes(
                users=[a_user("zoe"), a_user("adam")],
                tokens=[a_token("a", created=3), a_token("z", created=1), a_token("m", created=3)],
                nodes=[a_node("k1", "west"), a_node("k3", "east"), a_node("k2", "east")],
            )
        )
        assert [u.name for u in await store.users()] == ["adam", "zoe"]
        assert [t.digest for t in await store.tokens()] == ["z", "a", "m"]
        assert [n.key for n in await store.nodes()] == ["k2", "k3", "k1"]


class TestListing:
    async def test_pages_show_every_job_once_the_latest_first(self, store: Store) -> None:
        jobs = [a_job(f"j{n:02}", received=n // 3) for n in range(23)]  # three in each moment
        await store.commit(Changes(jobs=jobs))
        seen: list[Job] = []
        where = JobFilter(limit=5)
        while (page := await store.jobs(where)) and len(seen) < len(jobs):
            assert len(page) <= 5
            seen += page
            where = JobFilter(limit=5, before=(page[-1].stamps[Stamp.RECEIVED], page[-1].id))
        assert ids(seen) == ids(jobs)[::-1]

    @pytest.mark.parametrize(
        ("where", "expected"),
        [
            (JobFilter(team="ada"), ["d", "b", "a"]),
            (JobFilter(assignment="wordcount"), ["c", "b", "a"]),
            (JobFilter(assignment="wordcount", team="ada"), ["b", "a"]),
            (JobFilter(states=(State.GRADED, State.RUNNING)), ["c", "b"]),
            (JobFilter(states=()), []),
            (JobFilter(team="ada", states=(State.WAITING,), before=(4, "d")), ["a"]),
            (JobFilter(before=(3, "c")), ["b", "a"]),
            (JobFilter(limit=1), ["d"]),
            (JobFilter(limit=0), []),
            (JobFilter(team="nobody"), []),
        ],
    )
    async def test_filters(self, store: Store, where: JobFilter, expected: list[str]) -> None:
        jobs = [
            a_job("a", received=1),
            a_job("b", received=2, state=State.GRADED),
            a_job("c", received=3, state=State.RUNNING, team="bob"),
            a_job("d", received=4, assignment="degrees"),
        ]
        await store.commit(Changes(jobs=jobs))
        assert ids(await store.jobs(where)) == expected


class TestCommit:
    async def test_one_bad_record_leaves_nothing_of_its_commit(self, store: Store) -> None:
        await store.commit(FULL_OF_EVERYTHING)
        before = await everything(store)
        bad = Changes(
            jobs=[a_job("one", state=State.GRADED), a_job("new")],
            files=[(digest(b"new"), b"new")],
            story=[StoryLine("one", 3, "graded")],
            assignments=[an_assignment("new")],
            users=[a_user("adam"), UNKEEPABLE],
            tokens=[a_token("new")],
            nodes=[a_node("new", "new")],
            facts=[("secret", b"new")],
        )
        with pytest.raises(StoreFault, match="can't be kept"):
            await store.commit(bad)
        assert await everything(store) == before
        assert await store.files([digest(b"new")]) == {}
        assert await store.fact("secret") == b"\x00\xff"

    async def test_the_next_commit_works_after_one_that_failed(self, store: Store) -> None:
        with pytest.raises(StoreFault):
            await store.commit(Changes(jobs=[a_job("bad")], users=[UNKEEPABLE]))
        await store.commit(Changes(jobs=[a_job("good")]))
        assert ids(await store.live_jobs()) == ["good"]

    async def test_nothing_can_be_committed(self, store: Store) -> None:
        await store.commit(FULL_OF_EVERYTHING)
        before = await everything(store)
        await store.commit(Changes())
        assert await everything(store) == before

    async def test_a_big_batch_is_one_commit(self, store: Store) -> None:
        jobs = [a_job(f"j{n:04}", received=n, number=n) for n in range(2000)]
        story = [StoryLine(j.id, 1, "arrived") for j in jobs]
        await store.commit(Changes(jobs=jobs, story=story))
        assert await store.live_jobs() == jobs
        assert await store.story("j1999") == [StoryLine("j1999", 1, "arrived")]

    async def test_concurrent_commits_and_reads_see_whole_commits(self, store: Store) -> None:
        async def write(number: int) -> None:
            await store.commit(a_pair(number))
            assert number in whole_pairs(await store.live_jobs())  # one reads one's own writes

        await asyncio.gather(*(write(n) for n in range(40)))
        assert whole_pairs(await store.live_jobs()) == list(range(40))


class TestHolding:
    async def test_what_was_committed_is_there_after_a_restart(
        self, store: Store, coordinator: Coordinator
    ) -> None:
        await store.commit(FULL_OF_EVERYTHING)
        before = await everything(store)
        await store.close()
        again = coordinator()
        await again.open()
        try:
            assert await everything(again) == before
            assert await again.fact("secret") == b"\x00\xff"
            await again.commit(a_pair(1))
        finally:
            await again.close()

    async def test_a_second_coordinator_is_refused(self, store: Store, coordinator: Coordinator) -> None:
        with pytest.raises(OperatorError, match="Another coordinator"):
            await coordinator().open()
        await store.commit(a_pair(1))  # the first one goes on

    async def test_it_can_be_closed_twice_and_opened_again(self, store: Store) -> None:
        await store.commit(a_pair(1))
        await store.close()
        await store.close()
        await store.open()
        assert whole_pairs(await store.live_jobs()) == [1]

    @pytest.mark.parametrize(
        "verb",
        [
            lambda store: store.commit(Changes()),
            lambda store: store.live_jobs(),
            lambda store: store.job("one"),
            lambda store: store.jobs(JobFilter()),
            lambda store: store.hand_ins("a", "b"),
            lambda store: store.story("one"),
            lambda store: store.files([]),
            lambda store: store.assignments(),
            lambda store: store.users(),
            lambda store: store.tokens(),
            lambda store: store.nodes(),
            lambda store: store.fact("f"),
            lambda store: store.backup("/nowhere"),
        ],
    )
    async def test_a_store_that_is_not_open_says_so(
        self, coordinator: Coordinator, verb: Callable[[Store], Awaitable[object]]
    ) -> None:
        never_opened = coordinator()
        with pytest.raises(StoreFault, match="is not open"):
            await verb(never_opened)
        await never_opened.open()
        await never_opened.close()
        with pytest.raises(StoreFault, match="is not open"):
            await verb(never_opened)
