"""The typed client of the coordinator's HTTP API. Everything that the command can do goes through it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import httpx
import msgspec

from bighost import __version__
from bighost.errors import (
    AssignmentError,
    BigHostError,
    NetworkError,
    OperatorError,
    Ours,
    Refused,
    StoreFault,
    StudentError,
)
from bighost.wire.http import (
    AssignmentView,
    BackupView,
    Health,
    JobView,
    NewAssignment,
    NewHandIn,
    NewToken,
    NewUser,
    NodeView,
    Problem,
    StatusView,
    StoryView,
    TokenView,
    UserView,
)

T = TypeVar("T")
CHUNK = 1024 * 1024
_KINDS: tuple[type[BigHostError], ...] = (
    AssignmentError,
    NetworkError,
    OperatorError,
    Ours,
    Refused,
    StoreFault,
    StudentError,
)
_BY_TYPE: dict[str, type[BigHostError]] = {kind.__name__: kind for kind in _KINDS} | {
    "Busy": NetworkError,
    "Mismatch": NetworkError,
    "NoAssignment": StudentError,
    "TriesUsedUp": StudentError,
}
_BY_STATUS: dict[int, type[BigHostError]] = {
    401: Refused,
    403: Refused,
    404: OperatorError,
    409: OperatorError,
    413: StudentError,
    429: StudentError,
    507: StoreFault,
}


class Client:
    """Calls a coordinator at `url`, as whoever `token` belongs to. Every call raises BigHostError:
    NetworkError when nobody answers, else the error that the coordinator told."""

    def __init__(self, url: str, token: str = "", *, timeout_s: float = 30.0) -> None:
        self.url = url.rstrip("/")
        headers = {"user-agent": f"bighost/{__version__}"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        try:
            self._http = httpx.Client(base_url=f"{self.url}/api/", headers=headers, timeout=timeout_s)
        except (httpx.InvalidURL, UnicodeEncodeError) as error:
            raise OperatorError(f"{url!r} is not a URL: {error}", hint="Write http://HOST:9000.") from None

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    # -- hand-ins and jobs

    def submit(self, files: Mapping[str, bytes], assignment: str | None = None) -> JobView:
        """Hand in; the job is durable when this returns: waiting, or rejected."""
        return self._post("jobs", JobView, NewHandIn(files=dict(files), assignment=assignment))

    def jobs(
        self,
        *,
        assignment: str | None = None,
        team: str | None = None,
        states: Sequence[str] = (),
        limit: int = 100,
    ) -> list[JobView]:
        """Jobs, the latest first."""
        query = {"assignment": assignment, "team": team, "state": list(states), "limit": limit}
        return self._get("jobs", list[JobView], {k: v for k, v in query.items() if v})

    def job(self, id: str) -> JobView:
        """One job."""
        return self._get(f"jobs/{id}", JobView)

    def story(self, id: str) -> list[StoryView]:
        """What happened to a job."""
        return self._get(f"jobs/{id}/story", list[StoryView])

    def files(self, id: str) -> dict[str, bytes]:
        """The files of a hand-in."""
        return self._get(f"jobs/{id}/files", dict[str, bytes])

    def cancel(self, id: str) -> JobView:
        """Stop a job."""
        return self._post(f"jobs/{id}/cancel", JobView)

    def retry(self, id: str) -> JobView:
        """Run a job again."""
        return self._post(f"jobs/{id}/retry", JobView)

    def follow(self, id: str) -> Iterator[JobView]:
        """The job as it is, then whenever it changes, until it has ended.

        A connection that breaks, as when the coordinator is started anew, raises NetworkError.
        """
        return self._events(f"jobs/{id}/events", JobView)

    # -- assignments

    def assignments(self) -> list[AssignmentView]:
        """All assignments."""
        return self._get("assignments", list[AssignmentView])

    def assignment(self, id: str) -> AssignmentView:
        """One assignment."""
        return self._get(f"assignments/{id}", AssignmentView)

    def add_assignment(self, new: NewAssignment) -> AssignmentView:
        """Add an assignment whose blobs were uploaded."""
        return self._post("assignments", AssignmentView, new)

    def close_assignment(self, id: str, *, closed: bool = True) -> AssignmentView:
        """Take no more hand-ins for an assignment, or (closed=False) take them again."""
        return self._post(f"assignments/{id}/{'close' if closed else 'open'}", AssignmentView)

    def upload(self, digest: str, path: Path) -> None:
        """Upload a file by digest, unless the coordinator has it."""
        with self._errors():
            if self._http.head(f"blobs/{digest}", timeout=None).status_code == 200:
                return
            self._raise(self._http.put(f"blobs/{digest}", content=_chunks(path), timeout=None))

    # -- nodes

    def nodes(self) -> list[NodeView]:
        """All nodes."""
        return self._get("nodes", list[NodeView])

    def drain(self, name: str) -> NodeView:
        """Let a node finish and leave."""
        return self._post(f"nodes/{name}/drain", NodeView)

    def forget(self, name: str) -> None:
        """Remove a node for good."""
        with self._errors():
            self._raise(self._http.delete(f"nodes/{name}"))

    def node_logs(self, name: str) -> dict[str, str]:
        """The end of each log stream of a node."""
        return self._get(f"nodes/{name}/logs", dict[str, str])

    # -- people

    def me(self) -> UserView:
        """Who I am."""
        return self._get("me", UserView)

    def users(self) -> list[UserView]:
        """All users."""
        return self._get("users", list[UserView])

    def add_users(self, people: Sequence[NewUser], *, update: bool = False) -> list[UserView]:
        """Add people (or, with `update`, change those who are there); new ones come with their tokens."""
        return self._post(f"users?update={str(update).lower()}", list[UserView], list(people))

    def tokens(self) -> list[TokenView]:
        """All tokens."""
        return self._get("tokens", list[TokenView])

    def new_token(self, wanted: NewToken) -> TokenView:
        """A new token."""
        return self._post("tokens", TokenView, wanted)

    def revoke(self, id: str) -> TokenView:
        """Revoke a token."""
        with self._errors():
            return self._read(self._http.delete(f"tokens/{id}"), TokenView)

    # -- the cluster

    def health(self) -> Health:
        """Whether submissions are taken."""
        return self._get("health", Health)

    def status(self) -> StatusView:
        """The cluster at this moment."""
        return self._get("status", StatusView)

    def watch(self) -> Iterator[StatusView]:
        """The cluster now, and whenever something changed."""
        return self._events("events", StatusView)

    def backup(self) -> BackupView:
        """Write a copy of the store on the coordinator's machine."""
        return self._post("backup", BackupView)

    # -- how

    def _get(self, path: str, kind: type[T], query: Mapping[str, Any] | None = None) -> T:
        with self._errors():
            return self._read(self._http.get(path, params=query), kind)

    def _post(self, path: str, kind: type[T], body: Any = None) -> T:
        content = msgspec.json.encode(body) if body is not None else b""
        headers = {"content-type": "application/json"} if content else {}
        with self._errors():
            return self._read(self._http.post(path, content=content, headers=headers), kind)

    def _events(self, path: str, kind: type[T]) -> Iterator[T]:
        """Server-sent events; the coordinator says something every 15 s, so a minute's silence is none."""
        with self._errors(), self._http.stream("GET", path, timeout=60.0) as response:
            if response.is_error:
                response.read()
            self._raise(response)
            for line in response.iter_lines():
                if line.startswith("data: "):
                    yield _decoded(line.removeprefix("data: ").encode(), kind)

    def _read(self, response: httpx.Response, kind: type[T]) -> T:
        self._raise(response)
        return _decoded(response.content, kind)

    def _raise(self, response: httpx.Response) -> None:
        if not response.is_success:
            raise _told(response)

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        hint = "Is it running, and is the URL right? See BIGHOST_URL, or `bighost login`."
        try:
            yield
        except httpx.TimeoutException:
            raise NetworkError(f"the coordinator at {self.url} did not answer in time", hint=hint) from None
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise OperatorError(
                f"{self.url!r} is not a URL: {error}", hint="Write http://HOST:9000."
            ) from None
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise NetworkError(f"nobody answers at {self.url}: {reason}", hint=hint) from None


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _decoded(data: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        raise NetworkError(
            f"the answer is not one of a coordinator of this version: {error}",
            hint="Is the URL that of a BigHOST coordinator, and of the same version?",
        ) from None


def _told(response: httpx.Response) -> BigHostError:
    """The error that the coordinator told, as the class that it was."""
    try:
        problem = msgspec.json.decode(response.content, type=Problem)
    except msgspec.MsgspecError:
        return NetworkError(
            f"HTTP {response.status_code} from {response.url}, and not in a coordinator's words",
            hint="Is the URL that of a BigHOST coordinator?",
        )
    kind = _BY_TYPE.get(problem.title) or _BY_STATUS.get(problem.status)
    if kind is None:
        kind = Ours if problem.status >= 500 else OperatorError
    return kind(problem.detail or problem.title, hint=problem.hint)
