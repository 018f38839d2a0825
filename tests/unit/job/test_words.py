"""Ids, names, excerpts and suggestions: words that travel or are shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bighost.job import ids
from bighost.job.excerpt import excerpt
from bighost.job.spelling import perhaps


def test_job_ids_are_all_different_and_known_as_such() -> None:
    made = {ids.new_job_id() for _ in range(1000)}
    assert len(made) == 1000
    assert all(map(ids.is_job_id, made))
    assert {letter for id in made for letter in id} <= set("0123456789abcdefghjkmnpqrstvwxyz")


@pytest.mark.parametrize(
    "text", ["", "k3v9qdz05wbn7xy", "k3v9qdz05wbn7xyee", "K3V9QDZ05WBN7XYE", "k3v9qdz05wbn7xyi"]
)
def test_what_is_no_job_id(text: str) -> None:
    assert not ids.is_job_id(text)


@pytest.mark.parametrize("text", ["a", "BD_12.b-c", "0", "x" * 64])
def test_names(text: str) -> None:
    assert ids.is_name(text)


@pytest.mark.parametrize("text", ["", ".", "..", ".x", "-x", "a/b", "a b", "a\n", "é", "x" * 65, "a\0"])
def test_what_is_no_name(text: str) -> None:
    assert not ids.is_name(text)


def test_digests() -> None:
    assert ids.is_digest("0a" * 32)
    for text in ("0A" * 32, "0a" * 31, "0g" * 32, "0a" * 32 + "\n"):
        assert not ids.is_digest(text)


@given(st.binary(max_size=200) | st.text(max_size=200), st.integers(1, 150))
def test_an_excerpt_is_short_and_printable(data: bytes | str, longest: int) -> None:
    shown = excerpt(data, longest)
    assert shown.isprintable()
    assert len(shown) <= longest


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"plain", "plain"),
        ("Zoë".encode(), "Zoë"),
        (b"a\tb\r\n\x1b[2J", "a\\tb\\r\\n\\x1b[2J"),
        (b"\xff", "\\xff"),
        ("right\u202eleft", "right\\u202eleft"),
        (b"x" * 121, "x" * 119 + "…"),
        (b"x" * 120, "x" * 120),
        ("\U0001f600".encode() * 120, "\U0001f600" * 120),
    ],
)
def test_excerpts(data: bytes | str, shown: str) -> None:
    assert excerpt(data) == shown


def test_suggestions() -> None:
    assert perhaps("memroy", ["memory", "wall"]) == "Perhaps you meant 'memory'?"
    assert perhaps("MAPPER.py", ["mapper.py", "reducer.py"]) == "Perhaps you meant 'mapper.py'?"
    assert perhaps("xyz", ["memory", "wall"]) == ""
    assert perhaps("xyz", []) == ""
