"""Which coordinator a command talks to, and with which token.

What the person gives (flags, BIGHOST_URL, BIGHOST_TOKEN, the configuration file) goes first; then what
`bighost login` kept; then the coordinator that runs on this machine, which leaves a note for its own user.
A kept token is only ever sent to the coordinator that it was kept for. Both notes are readable by their
owner alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec
import platformdirs
import psutil

from bighost.config.sources import resolve_client
from bighost.errors import OperatorError

N = TypeVar("N", bound=msgspec.Struct)


class Credentials(msgspec.Struct, frozen=True):
    """A coordinator's URL, a token for it, and where they were found."""

    url: str
    token: str
    origin: str


class _Local(msgspec.Struct, frozen=True):
    """The note of a coordinator on this machine."""

    url: str
    admin_token: str
    pid: int
    born: float  # when that process started, s since 1970: process ids are used again


def credentials(
    url: str | None = None,
    token: str | None = None,
    *,
    config: Path | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Credentials:
    """The coordinator to talk to. `url` and `token` are what flags gave.

    Raises OperatorError when no coordinator, or no token for it, is known.
    """
    file = resolve_client(config).settings
    wanted = _plain(url or environ.get("BIGHOST_URL") or file.url)
    given = token or environ.get("BIGHOST_TOKEN") or ""
    known = [_logged_in(), _local()]
    for found in known:
        if found is not None and (not wanted or found.url == wanted):
            return msgspec.structs.replace(found, token=given or found.token)
    given = given or (file.token if wanted == _plain(file.url) else "")
    if wanted and given:
        return Credentials(wanted, given, "given")
    if wanted:
        raise OperatorError(
            f"no token is known for {wanted}", hint="give --token, or set BIGHOST_TOKEN, or: bighost login"
        )
    raise OperatorError(
        "no coordinator is known",
        hint="give --url and --token, or: bighost login URL; `bighost coordinator up` starts one here",
    )


def save_login(url: str, token: str) -> Path:
    """Keep a coordinator and a token for later commands; gives the file's path."""
    path = _login_path()
    _write_private(path, msgspec.json.encode(Credentials(_plain(url), token, "bighost login")))
    return path


def write_local_coordinator(url: str, admin_token: str, pid: int) -> Path:
    """Leave the note of a coordinator that serves on this machine; gives the file's path."""
    path = _local_path()
    born = psutil.Process(pid).create_time()
    _write_private(path, msgspec.json.encode(_Local(_plain(url), admin_token, pid, born)))
    return path


def remove_local_coordinator(pid: int) -> None:
    """Take the note of the coordinator with this process id away, if it is still its own."""
    note = _read(_local_path(), _Local)
    if note is not None and note.pid == pid:
        _local_path().unlink(missing_ok=True)


class LocalNote:
    """What `local_coordinator` gives: `announce` leaves the note."""

    def announce(self, url: str, admin_token: str) -> Path:
        """Say that this process serves at `url`."""
        return write_local_coordinator(url, admin_token, os.getpid())


@contextmanager
def local_coordinator() -> Iterator[LocalNote]:
    """Around a coordinator's life: whatever it announces is taken away when it ends."""
    try:
        yield LocalNote()
    finally:
        remove_local_coordinator(os.getpid())


def _logged_in() -> Credentials | None:
    return _read(_login_path(), Credentials)


def _local() -> Credentials | None:
    note = _read(_local_path(), _Local)
    if note is None or not _lives(note):
        return None
    return Credentials(note.url, note.admin_token, "the coordinator on this machine")


def _lives(note: _Local) -> bool:
    try:
        return abs(psutil.Process(note.pid).create_time() - note.born) < 1
    except psutil.NoSuchProcess:
        return False


def _read(path: Path, kind: type[N]) -> N | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (FileNotFoundError, PermissionError, NotADirectoryError):
        return None  # nothing there for us
    except msgspec.MsgspecError as error:
        raise OperatorError(f"{path} is damaged: {error}", hint="remove it") from None


def _write_private(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    part.replace(path)


def _login_path() -> Path:
    return platformdirs.user_config_path("bighost") / "login.json"


def _local_path() -> Path:
    return platformdirs.user_state_path("bighost") / "local-coordinator.json"


def _plain(url: str) -> str:
    if url and not url.startswith(("http://", "https://")):
        raise OperatorError(f"{url!r} is not a URL", hint=f"Write http://{url}.")
    return url.rstrip("/")
