"""Keys and enrolment: asked for once, kept for its owner alone, and every refusal told in plain words."""

from __future__ import annotations

import httpx
import msgspec
import pytest

from bighost.errors import NetworkError, OperatorError, Refused
from bighost.node import identity as enrolment
from bighost.node.identity import Identity, identity
from bighost.wire.http import EnrolReply, EnrolRequest, Problem
from bighost.wire.keys import KeyPair, is_key
from bighost.wire.messages import Profile

URL = "http://coordinator:9000"
KEYS, SERVER = KeyPair.new(), KeyPair.new()


class Coordinator:
    """Answers enrolments as a test says."""

    def __init__(self) -> None:
        self.requests: list[EnrolRequest] = []
        self.status = 201
        reply = EnrolReply(name="node-2", server_key=SERVER.public, port=9001, token="secret token")
        self.body = msgspec.json.encode(reply)

    def refuse(self, status: int, detail: str, hint: str = "") -> None:
        self.status = status
        self.body = msgspec.json.encode(Problem(title="No", status=status, detail=detail, hint=hint))

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(msgspec.json.decode(request.content, type=EnrolRequest))
        return httpx.Response(self.status, content=self.body)


@pytest.fixture
def coordinator(monkeypatch) -> Coordinator:
    fake = Coordinator()
    real = httpx.AsyncClient
    monkeypatch.setattr(
        "bighost.node.identity.httpx.AsyncClient",
        lambda **values: real(transport=httpx.MockTransport(fake.answer), **values),
    )
    return fake


async def join(tmp_path, token: str | None, profile: Profile = Profile.CORE, url: str = URL) -> Identity:
    return await identity(tmp_path / "identity.json", url, token, "node", profile, KEYS)


async def test_a_machine_enrols_once_and_is_known_then(tmp_path, coordinator):
    first = await join(tmp_path, "T")
    (request,) = coordinator.requests
    assert request == EnrolRequest(token="T", public_key=KEYS.public, name="node", profile=Profile.CORE)
    assert (first.name, first.server_key, first.endpoint) == (
        "node-2",
        SERVER.public,
        "tcp://coordinator:9001",
    )
    assert await join(tmp_path, None) == first
    assert await join(tmp_path, None, url=URL + "/") == first
    assert len(coordinator.requests) == 1
    assert (tmp_path / "identity.json").stat().st_mode & 0o777 == 0o600
    assert "secret" not in repr(first)


async def test_without_a_token_a_machine_that_is_not_enrolled_is_told_what_to_do(tmp_path, coordinator):
    with pytest.raises(OperatorError, match="not enrolled with") as raised:
        await join(tmp_path, None)
    assert "--token" in raised.value.hint


async def test_being_enrolled_elsewhere_does_not_count(tmp_path, coordinator):
    await join(tmp_path, "T")
    with pytest.raises(OperatorError, match="not enrolled with http://other"):
        await join(tmp_path, None, url="http://other")


async def test_a_token_that_ran_out_does_no_harm_to_who_is_enrolled(tmp_path, coordinator):
    first = await join(tmp_path, "T")
    coordinator.refuse(401, "this join token has expired")
    assert await join(tmp_path, "T") == first
    with pytest.raises(Refused, match="this join token has expired"):
        await join(tmp_path, "T", Profile.LIGHTWEIGHT)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refusal_is_told_in_the_coordinators_words(tmp_path, coordinator, status):
    coordinator.refuse(status, "this join token was revoked")
    with pytest.raises(Refused, match="this join token was revoked") as raised:
        await join(tmp_path, "T")
    assert "new join token" in raised.value.hint


async def test_a_request_that_makes_no_sense_is_the_operators(tmp_path, coordinator):
    coordinator.refuse(400, "name 'x y' can't name a node", "use letters")
    with pytest.raises(OperatorError, match="can't name a node") as raised:
        await join(tmp_path, "T")
    assert raised.value.hint == "use letters"


@pytest.mark.parametrize(
    ("status", "body"), [(200, b"<html>"), (404, b"<html>"), (503, b"{"), (201, b'{"name": "n"}')]
)
async def test_somebody_who_is_no_coordinator_is_the_network(tmp_path, coordinator, status, body):
    coordinator.status, coordinator.body = status, body
    with pytest.raises(NetworkError, match="does not answer like a coordinator"):
        await join(tmp_path, "T")


async def test_a_server_key_that_is_none_is_not_believed(tmp_path, coordinator):
    reply = EnrolReply(name="n", server_key="k", port=1, token="t")
    coordinator.body = msgspec.json.encode(reply)
    with pytest.raises(NetworkError, match="its key is none"):
        await join(tmp_path, "T")


async def test_nobody_there_is_the_network(tmp_path):
    with pytest.raises(NetworkError, match="no coordinator answers at"):
        await enrolment.enrol("http://127.0.0.1:1", "T", "node", Profile.CORE, KEYS)


@pytest.mark.parametrize("url", ["127.0.0.1:9000", "nonsense"])
async def test_a_url_without_a_scheme_is_said_at_once(url):
    with pytest.raises(OperatorError, match="is not a URL"):
        await enrolment.enrol(url, "T", "node", Profile.CORE, KEYS)


async def test_a_damaged_identity_is_named(tmp_path, coordinator):
    (tmp_path / "identity.json").write_text("{")
    with pytest.raises(OperatorError, match=r"identity\.json is damaged"):
        await join(tmp_path, None)


def test_an_address_of_version_six_can_be_dialled():
    who = Identity(
        url="http://[::1]:9000",
        name="n",
        profile=Profile.CORE,
        server_key=SERVER.public,
        port=9001,
        token="t",
    )
    assert who.endpoint == "tcp://[::1]:9001"


# -- keys


def test_a_key_pair_is_made_once_and_kept_for_its_owner_alone(tmp_path):
    path = tmp_path / "node.key"
    pair = KeyPair.load_or_create(path)
    assert is_key(pair.public)
    assert KeyPair.load_or_create(path) == pair
    assert path.stat().st_mode & 0o777 == 0o600
    assert pair.secret not in repr(pair)


@pytest.mark.parametrize("content", ["", "one\n", "a b c", "x" * 40 + "\n" + "é" * 40])
def test_a_file_that_holds_no_pair_is_named(tmp_path, content):
    path = tmp_path / "node.key"
    path.write_text(content)
    with pytest.raises(OperatorError, match=r"node\.key does not hold a key pair"):
        KeyPair.load_or_create(path)
