"""What the box's command line holds, and that a refusal is said in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from bighost.node.runtime import bubblewrap
from bighost.node.runtime.bubblewrap import Box

BOX = Box(sockets=Path("/s"), code=Path("/c"), datasets=Path("/d"), disk_bytes=1000)
ROOT_BOX = Box(sockets=Path("/s"), code=Path("/c"), datasets=None, disk_bytes=1000, root=True)


def spoken(box: Box) -> str:
    return " ".join(bubblewrap.arguments(box))


def test_every_namespace_is_the_boxs_own() -> None:
    for name in ("ipc", "pid", "net", "uts"):
        assert f"--unshare-{name}" in spoken(BOX)


def test_root_keeps_the_hosts_users_but_few_capabilities() -> None:
    assert "--unshare-user" in spoken(BOX)
    assert "--unshare-user" not in spoken(ROOT_BOX)
    assert "--cap-drop ALL --cap-add CAP_SETUID" in spoken(ROOT_BOX)
    assert "CAP_SYS" not in spoken(ROOT_BOX)


def test_only_the_socket_folder_is_the_hosts_and_writable() -> None:
    words = bubblewrap.arguments(BOX)
    assert [words[at + 1] for at, word in enumerate(words) if word == "--bind"] == ["/s"]
    assert "--ro-bind /d /data" in spoken(BOX)
    assert words.index("--remount-ro") > max(at for at, word in enumerate(words) if "bind" in word)


def test_the_work_folder_has_a_size() -> None:
    assert "--perms 0711 --size 1000 --tmpfs /work" in spoken(BOX)


def test_a_machine_without_bubblewrap_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert bubblewrap.refusal(BOX, Path("/usr/bin/python3")) == "bubblewrap is not installed"


def test_a_refused_box_says_what_bubblewrap_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    played = tmp_path / "bwrap"
    played.write_text("#!/bin/sh\necho 'bwrap: no permission' >&2\nexit 1\n")
    played.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert bubblewrap.refusal(BOX, Path("/usr/bin/python3")) == "bubblewrap was refused: bwrap: no permission"
