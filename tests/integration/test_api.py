"""The HTTP API over a real coordinator: who may ask what, and what bad requests are told."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from litestar.routes import HTTPRoute

from bighost.coordinator.api.jobs import MAX_BODY
from bighost.errors import StoreFault
from bighost.job.assignment import Tries
from bighost.store.base import Changes, TokenKind
from bighost.store.memory import MemoryStore
from bighost.wire.http import NewHandIn, NewToken, NewUser, TokenView, UserView
from tests.integration.api import Api, Who, api, problem
from tests.integration.coordinators import KEY, PROGRAMS, add_assignment, hand_in

TYPE = re.compile(r":\w+}")  # of a parameter in a route's path
PEOPLE = {Who.STUDENT, Who.STAFF, Who.ADMIN}
STAFF = {Who.STAFF, Who.ADMIN}
ADMIN = {Who.ADMIN}
NODE = {Who.NODE}
EVERYBODY = {Who.NOBODY, *PEOPLE, Who.NODE}
AUDIENCE: dict[str, set[Who]] = {
    "GET /": EVERYBODY,
    "GET /executors": STAFF,
    "GET /logs": STAFF,
    "GET /api/assignments": PEOPLE,
    "POST /api/assignments": STAFF,
    "GET /api/assignments/{id}": PEOPLE,
    "POST /api/assignments/{id}/close": STAFF,
    "POST /api/assignments/{id}/open": STAFF,
    "POST /api/backup": ADMIN,
    "HEAD /api/blobs/{digest}": STAFF,
    "PUT /api/blobs/{digest}": STAFF,
    "GET /api/events": PEOPLE,
    "GET /api/executors": STAFF,
    "GET /api/health": EVERYBODY,
    "GET /api/jobs": PEOPLE,
    "POST /api/jobs": PEOPLE,
    "GET /api/jobs/{id}": PEOPLE,
    "POST /api/jobs/{id}/cancel": PEOPLE,
    "GET /api/jobs/{id}/events": PEOPLE,
    "GET /api/jobs/{id}/files": PEOPLE,
    "POST /api/jobs/{id}/retry": STAFF,
    "GET /api/jobs/{id}/story": PEOPLE,
    "GET /api/logs": STAFF,
    "GET /api/me": PEOPLE,
    "GET /api/node/datasets/{digest}": NODE,
    "PUT /api/node/jobs/{job}/{attempt}/outputs/{test}": NODE,
    "GET /api/nodes": PEOPLE,
    "POST /api/nodes/enrol": EVERYBODY,
    "DELETE /api/nodes/{name}": STAFF,
    "POST /api/nodes/{name}/drain": STAFF,
    "GET /api/nodes/{name}/logs": STAFF,
    "GET /api/status": PEOPLE,
    "GET /api/tokens": ADMIN,
    "POST /api/tokens": ADMIN,
    "DELETE /api/tokens/{id}": ADMIN,
    "GET /api/users": STAFF,
    "POST /api/users": ADMIN,
}


class FullDisk(MemoryStore):
    """A store whose disk is full when a test says so."""

    full = False

    async def commit(self, changes: Changes) -> None:
        if self.full:
            raise StoreFault("the disk is full", hint="Make room.")
        await super().commit(changes)


def routes(asked: Api) -> set[str]:
    """Every route of the application itself, as in AUDIENCE."""
    return {
        f"{method} {TYPE.sub('}', route.path)}"
        for route in asked.app.routes
        if isinstance(route, HTTPRoute) and not route.path.startswith("/api/schema")
        for method in route.methods - {"OPTIONS"}
    }


async def test_every_route_has_its_audience_and_lets_nobody_else_in(tmp_path: Path) -> None:
    async with api(tmp_path) as asked:
        assert routes(asked) == set(AUDIENCE)
        for route, audience in AUDIENCE.items():
            method, _, path = route.partition(" ")
            path = path.replace("{attempt}", "1")
            for who in EVERYBODY:
                async with asked.open(method, re.sub(r"{\w+}", "none", path), who) as answer:
                    status = await answer.status()
                refused = 403 if who in PEOPLE and audience <= PEOPLE else 401
                assert (status == refused) is (who not in audience), (route, who, status)
                assert status < 500, (route, who, status)


async def test_the_api_describes_itself_to_everybody(tmp_path: Path) -> None:
    async with api(tmp_path) as asked:
        described = (await asked.ask("GET", "/api/schema/openapi.json", Who.NOBODY)).json()
        paths = {route.partition(" ")[2] for route in routes(asked)}
    assert paths - {"/"} == set(described["paths"])


# -- what goes wrong is told as a problem


BAD_REQUESTS = (
    ("GET /api/me", Who.NOBODY, 401, "bighost login"),
    ("GET /api/users", Who.STUDENT, 403, "for staff; you are student"),
    ("POST /api/users", Who.STAFF, 403, "for admin; you are staff"),
    ("GET /api/me", Who.NODE, 401, "this is a node's token"),
    ("GET /api/node/datasets/none", Who.ADMIN, 401, "A node's token is needed; this is a user's"),
    ("GET /api/jobs/none", Who.STUDENT, 404, "no job 'none'"),
    ("GET /api/assignments/none", Who.STUDENT, 404, "no assignment 'none'"),
    ("POST /api/nodes/none/drain", Who.STAFF, 404, "no node 'none'"),
    ("DELETE /api/tokens/0123456789ab", Who.ADMIN, 404, "0123456789ab"),
    ("GET /api/nothing", Who.ADMIN, 404, "Not Found"),
    ("DELETE /api/me", Who.ADMIN, 405, "Method Not Allowed"),
    ("GET /api/jobs?limit=0", Who.ADMIN, 400, "limit"),
    ("GET /api/jobs?state=asleep", Who.ADMIN, 400, "asleep"),
    ("PUT /api/blobs/none", Who.STAFF, 400, "no digest"),
    ("POST /api/jobs", Who.STUDENT, 400, "/api/schema"),
)


async def test_a_bad_request_is_told_what_is_wrong(tmp_path: Path) -> None:
    async with api(tmp_path) as asked:
        for request, who, status, words in BAD_REQUESTS:
            method, _, path = request.partition(" ")
            told = problem(await asked.ask(method, path, who))
            assert (told.status, words in f"{told.detail} {told.hint}") == (status, True), (request, told)


async def test_the_nearest_name_is_offered_for_an_assignment_that_is_unknown(tmp_path: Path) -> None:
    async with api(tmp_path) as asked:
        await add_assignment(asked.at, "wordcount")
        told = problem(await asked.ask("GET", "/api/assignments/wordcuont", Who.STUDENT))
    assert "wordcount" in told.hint


async def test_a_body_of_another_shape_is_no_hand_in(tmp_path: Path) -> None:
    shapes = (b"{", b"[]", b"\xff", b'{"files": []}', b'{"files": {"a": 7}}', b'{"files": {"a": "%%%"}}')
    async with api(tmp_path) as asked:
        await add_assignment(asked.at)
        for body in shapes:
            told = problem(await asked.ask("POST", "/api/jobs", Who.STUDENT, content=body))
            assert told.status == 400, body
        assert (await asked.ask("GET", "/api/jobs")).json() == []


async def test_a_hand_in_that_is_larger_than_any_may_be_is_not_even_read(tmp_path: Path) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'{"files": {"mapper.py": "'
        for _ in range(100):
            sent += 1024**2
            yield b"A" * 1024**2

    async with api(tmp_path) as asked:
        await add_assignment(asked.at)
        told = problem(await asked.ask("POST", "/api/jobs", Who.STUDENT, content=endless()))
        announced = problem(await asked.ask("POST", "/api/jobs", Who.STUDENT, content=b"A" * (MAX_BODY + 1)))
        assert (await asked.ask("GET", "/api/jobs")).json() == []
    assert (told.status, announced.status) == (413, 413)
    assert "programs only" in told.hint
    assert sent <= MAX_BODY + 2 * 1024**2


async def test_a_hand_in_that_is_larger_than_it_may_be_here_is_told_the_bound(tmp_path: Path) -> None:
    files = {"mapper.py": b"#" * 3000}
    async with api(tmp_path, max_hand_in_bytes=2000) as asked:
        await add_assignment(asked.at)
        told = problem(await asked.ask("POST", "/api/jobs", Who.STUDENT, body=NewHandIn(files=files)))
    assert told.status == 413
    assert "3000 bytes; at most 2000" in told.detail


async def test_a_hand_in_for_an_assignment_that_takes_none_is_told_why(tmp_path: Path) -> None:
    async with api(tmp_path) as asked:
        nothing = problem(await _submit(asked))
        await add_assignment(asked.at)
        closed = await asked.ask("POST", "/api/assignments/wc/close", Who.STAFF)
        told = problem(await _submit(asked, "wc"))
        again = await asked.ask("POST", "/api/assignments/wc/open", Who.STAFF)
        taken = await _submit(asked)
    assert (nothing.status, nothing.detail) == (422, "no assignment is open")
    assert (closed.json()["window"], again.json()["window"]) == ("closed", "open")
    assert (told.status, "wc is closed" in told.detail) == (422, True)
    assert taken.status_code == 201


async def test_tries_that_are_used_up_are_told_with_when_the_next_one_is_free(tmp_path: Path) -> None:
    async with api(tmp_path) as asked:
        await add_assignment(asked.at, tries=Tries(per_hour=1))
        assert (await _submit(asked)).status_code == 201
        told = problem(await _submit(asked))
    assert told.status == 429
    assert "tries of this hour" in told.detail
    assert "59 min" in told.hint or "1 h" in told.hint


async def test_a_full_waiting_line_asks_to_come_again(tmp_path: Path) -> None:
    async with api(tmp_path, max_waiting=1) as asked:
        await add_assignment(asked.at)
        await _submit(asked)
        answer = await _submit(asked)
    assert problem(answer).status == 429
    assert int(answer.headers["retry-after"]) > 0


async def test_a_full_disk_is_said_and_health_tells_it_too(tmp_path: Path) -> None:
    store = FullDisk()
    async with api(tmp_path, store) as asked:
        await add_assignment(asked.at)
        store.full = True
        told = problem(await _submit(asked))
        health = (await asked.ask("GET", "/api/health", Who.NOBODY)).json()
        store.full = False
    assert (told.status, told.hint) == (507, "Make room.")
    assert "the disk is full" in told.detail
    assert not health["taking"]
    assert "the disk is full" in health["notice"]


async def test_a_job_that_has_ended_is_past_cancelling_and_a_live_one_past_retrying(tmp_path: Path) -> None:
    async with api(tmp_path) as asked:
        await add_assignment(asked.at)
        job = await hand_in(asked.at)
        early = problem(await asked.ask("POST", f"/api/jobs/{job.id}/retry", Who.STAFF))
        cancelled = await asked.ask("POST", f"/api/jobs/{job.id}/cancel", Who.STUDENT)
        late = problem(await asked.ask("POST", f"/api/jobs/{job.id}/cancel", Who.STUDENT))
    assert cancelled.json()["state"] == "cancelled"
    assert (early.status, "not ended yet" in early.detail) == (409, True)
    assert (late.status, "ended already" in late.detail) == (409, True)


async def test_a_bug_shows_nothing_of_our_insides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with api(tmp_path) as asked:
        monkeypatch.setattr(asked.at.accounts, "users", lambda: {}["secret"])
        told = problem(await asked.ask("GET", "/api/users", Who.STAFF))
    assert told.status == 500
    assert "secret" not in f"{told}"
    assert "not yours" in told.hint


async def test_json_that_is_nested_without_end_is_the_senders_fault(tmp_path: Path) -> None:
    async with api(tmp_path) as asked:
        for path, who in (("/api/jobs", Who.ADMIN), ("/api/nodes/enrol", Who.NOBODY)):
            told = problem(await asked.ask("POST", path, who, content=b"[" * 200_000))
            assert told.status == 400


# -- people and tokens


async def test_people_are_added_all_or_none(tmp_path: Path) -> None:
    async with api(tmp_path) as asked:
        before = (await asked.ask("GET", "/api/users")).json()
        for wrong in ("two words", "ann"):
            people = [NewUser(name="ann"), NewUser(name="ben"), NewUser(name=wrong)]
            told = problem(await asked.ask("POST", "/api/users", body=people))
            assert (told.status, wrong in told.detail) == (422, True)
        unknown_role = b'[{"name": "ann"}, {"name": "ben", "role": "king"}]'
        assert problem(await asked.ask("POST", "/api/users", content=unknown_role)).status == 400
        assert (await asked.ask("GET", "/api/users")).json() == before


async def test_a_token_is_told_once_and_only_its_hash_is_kept(tmp_path: Path) -> None:
    async with api(tmp_path) as asked:
        added = await asked.ask("POST", "/api/users", body=[NewUser(name="ann")])
        (ann,) = msgspec.json.decode(added.content, type=list[UserView])
        second = await _new_token(asked, "ann")
        moved = [NewUser(name="ann", team="greens")]
        assert problem(await asked.ask("POST", "/api/users", body=moved)).status == 422
        again = await asked.ask("POST", "/api/users?update=true", body=moved)
        for token in (ann.token, second.token):
            assert (await asked.ask("GET", "/api/me", token)).json()["team"] == "greens"
        shown = [await asked.ask("GET", path) for path in ("/api/users", "/api/tokens")]
        told = "".join(answer.text for answer in (again, *shown))
        kept = msgspec.json.encode(await asked.at.store.tokens()).decode()
        assert not any(secret in told + kept for secret in asked.tokens.values() if secret)
        assert ann.token not in told + kept
        assert second.token not in told + kept


async def test_a_users_token_that_is_not_good_opens_nothing_and_says_why(tmp_path: Path) -> None:
    async with api(tmp_path) as asked:
        expired = await _new_token(asked, expires_in_s=-1.0)
        revoked = await _new_token(asked, expires_in_s=60.0)
        assert (await asked.ask("GET", "/api/me", revoked.token)).status_code == 200
        assert (await asked.ask("DELETE", f"/api/tokens/{revoked.id}")).json()["revoked"]
        tokens = {"is unknown": "bhu_nonsense", "has expired": expired.token, "was revoked": revoked.token}
        for why, token in tokens.items():
            told = problem(await asked.ask("GET", "/api/me", token))
            assert (told.status, why in told.detail) == (401, True), told


async def test_a_join_token_opens_no_route_and_a_users_token_enrols_no_node(tmp_path: Path) -> None:
    async with api(tmp_path) as asked:
        assert problem(await asked.ask("GET", "/api/me", asked.at.join_token)).status == 401
        asked.at.join_token = asked.tokens[Who.ADMIN]
        body = {"token": asked.at.join_token, "public_key": "x" * 40, "name": "n", "profile": "core"}
        told = problem(await asked.ask("POST", "/api/nodes/enrol", Who.NOBODY, body=body))
        kinds = [token.kind for token in await asked.at.store.tokens()]
    assert (told.status, "unknown" in told.detail) == (403, True)
    assert kinds.count(TokenKind.NODE) == 1


# -- what travels by digest


async def test_an_upload_of_other_bytes_than_announced_is_not_kept(tmp_path: Path) -> None:
    async with api(tmp_path) as asked:
        digest = await asked.at.blobs.put(KEY)
        path = asked.at.blobs.path(digest)
        path.unlink()
        told = problem(await asked.ask("PUT", f"/api/blobs/{digest}", Who.STAFF, content=b"other"))
        assert (told.status, digest in told.detail) == (400, True)
        assert (await asked.ask("HEAD", f"/api/blobs/{digest}", Who.STAFF)).status_code == 404

        assert (await asked.ask("PUT", f"/api/blobs/{digest}", Who.STAFF, content=KEY)).status_code == 204
        assert (await asked.ask("HEAD", f"/api/blobs/{digest}", Who.STAFF)).status_code == 200
        path.write_bytes(b"b\t1\na\t2\n")  # changed behind our back
        assert (await asked.ask("HEAD", f"/api/blobs/{digest}", Who.STAFF)).status_code == 404


async def test_a_node_gets_datasets_and_never_a_key(tmp_path: Path) -> None:
    async with api(tmp_path) as asked:
        assignment = await add_assignment(asked.at)
        (data,) = assignment.datasets["s"].files
        key = assignment.answers["t"].digest
        answer = await asked.ask("GET", f"/api/node/datasets/{data}", Who.NODE)
        assert (answer.status_code, answer.content) == (200, b"a b b\n")
        assert problem(await asked.ask("GET", f"/api/node/datasets/{key}", Who.NODE)).status == 404

        await asked.ask("DELETE", "/api/nodes/node", Who.STAFF)
        assert problem(await asked.ask("GET", f"/api/node/datasets/{data}", Who.NODE)).status == 401


async def _submit(asked: Api, assignment: str | None = None):
    body = NewHandIn(files=PROGRAMS, assignment=assignment)
    return await asked.ask("POST", "/api/jobs", Who.STUDENT, body=body)


async def _new_token(asked: Api, user: str = Who.STUDENT, expires_in_s: float | None = None) -> TokenView:
    wanted = NewToken(user=user, expires_in_s=expires_in_s)
    made = await asked.ask("POST", "/api/tokens", body=wanted)
    return msgspec.json.decode(made.content, type=TokenView)
