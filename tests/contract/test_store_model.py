"""Any sequence of commits and restarts gives the same answers on disk as in memory."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from store_samples import a_job, a_node, a_token, a_user, an_assignment, everything

from bighost.job.latency import Stamp
from bighost.job.role import Role
from bighost.job.state import State
from bighost.store.base import Changes, JobFilter, Store, StoryLine
from bighost.store.memory import MemoryStore
from bighost.store.sqlite import SqliteStore

names = st.sampled_from(["a", "b", "B", "_", "é", "z\x00", "🌍", "zz"])
moments = st.integers(0, 5) | st.integers(-(2**63), 2**63 - 1)
digests = st.sampled_from(["d1", "d2", "d3"])

jobs = st.builds(
    lambda id, moment, **fields: a_job(id, stamps={Stamp.RECEIVED: moment} if moment else {}, **fields),
    id=names,
    moment=moments,
    assignment=names.filter(lambda n: n.isascii() and n.isalpha()),
    team=names,
    number=st.integers(0, 3),
    state=st.sampled_from(State),
    files=st.dictionaries(st.text(max_size=3), digests, max_size=2),
    message=st.text(max_size=5),
    score=st.none() | st.floats(allow_nan=False),
)
commits = st.builds(
    Changes,
    jobs=st.lists(jobs, max_size=6),
    files=st.lists(digests.map(lambda d: (d, d.encode())), max_size=3),
    story=st.lists(st.builds(StoryLine, job=names, at=moments, text=st.text(max_size=5)), max_size=4),
    assignments=st.lists(
        st.builds(an_assignment, st.sampled_from("abz"), title=st.text(max_size=3)), max_size=2
    ),
    users=st.lists(st.builds(a_user, names, role=st.sampled_from(Role)), max_size=2),
    tokens=st.lists(st.builds(a_token, names, created=moments, revoked=st.booleans()), max_size=2),
    nodes=st.lists(
        st.builds(
            a_node, key=names, name=names, last_join=st.dictionaries(names, st.lists(moments), max_size=2)
        ),
        max_size=2,
    ),
    facts=st.lists(st.tuples(names, st.binary(max_size=4)), max_size=2),
)
filters = st.builds(
    JobFilter,
    assignment=st.none() | st.sampled_from("ab"),
    team=st.none() | names,
    states=st.none() | st.lists(st.sampled_from(State), max_size=4).map(tuple),
    limit=st.integers(0, 5),
    before=st.none() | st.tuples(moments, names),
)
RESTART = "restart"


async def play(store: Store, steps: list[Changes | str], questions: list[JobFilter]) -> list[Any]:
    """What the store answers after each step."""
    answers: list[Any] = []
    await store.open()
    try:
        for step in steps:
            if isinstance(step, Changes):
                await store.commit(step)
            else:
                await store.close()
                await store.open()
            answers.append(await everything(store))
            answers.append([await store.jobs(where) for where in questions])
            answers.append([await store.fact(name) for name in ("a", "b", "🌍")])
    finally:
        await store.close()
    return answers


@settings(max_examples=60, deadline=None)
@given(st.lists(commits | st.just(RESTART), min_size=1, max_size=6), st.lists(filters, max_size=4))
def test_memory_and_sqlite_give_the_same_answers(
    steps: list[Changes | str], questions: list[JobFilter]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        on_disk = asyncio.run(play(SqliteStore(Path(folder) / "store.db"), steps, questions))
    assert on_disk == asyncio.run(play(MemoryStore(), steps, questions))
