"""An image's tag follows all that goes into it, and images are built after what they are built from."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from bighost.node import images, podtree


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, origin, step in (
        ("apple", "bighost/base:latest", "COPY bighost/ /code/"),
        ("base", "debian:bookworm-slim", "COPY ca-bundle.crt /"),
        ("pie", "bighost/apple", "RUN true"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text(f"# for tests\nFROM {origin}\n{step}\n")
    return tmp_path


def tags(folder: Path) -> dict[str, str]:
    return {name: images.reference(name, folder) for name in images.names(folder)}


def test_an_image_comes_after_the_one_it_is_built_from(folder: Path) -> None:
    assert images.names(folder) == ("base", "apple", "pie")


def test_a_tag_is_the_same_for_the_same_content(folder: Path) -> None:
    assert tags(folder) == tags(folder)
    assert images.reference("base", folder).startswith("bighost/base:")


def test_a_change_makes_the_image_and_all_built_from_it_stale(folder: Path) -> None:
    before = tags(folder)
    (folder / "apple" / "settings").write_text("x")
    after = tags(folder)
    assert [name for name in before if before[name] != after[name]] == ["apple", "pie"]


def test_a_change_of_the_pods_code_makes_those_stale_that_hold_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tags(folder)
    monkeypatch.setattr(images, "pod_files", lambda: {**podtree.pod_files(), "bighost/pod/new.py": b""})
    after = tags(folder)
    assert [name for name in before if before[name] != after[name]] == ["apple", "pie"]


def test_the_pods_code_is_whole_and_nothing_else_of_ours(tmp_path: Path) -> None:
    files = podtree.pod_files()
    assert files["bighost/__init__.py"] == b""
    assert "bighost/pod/contract.py" in files
    assert all(name.startswith("bighost/pod/") or name == "bighost/__init__.py" for name in files)


def test_a_build_context_holds_the_files_without_time_or_owner(tmp_path: Path) -> None:
    on_disk = tmp_path / "large.jar"
    on_disk.write_bytes(b"3" * 9)
    with (
        images._pack({"b": b"2", "jars/c": on_disk, "a": b"1"}) as packed,
        tarfile.open(fileobj=packed) as archive,
    ):
        entries = [(entry.name, entry.mtime, entry.uid, entry.size) for entry in archive]
    assert entries == [("a", 0, 0, 1), ("b", 0, 0, 1), ("jars/c", 0, 0, 9)]


def test_a_pom_or_a_java_source_belongs_to_the_tag(folder: Path) -> None:
    seen = {images.reference("apple", folder)}
    for name in ("pom.xml", "jars.sha256", "src/Driver.java"):
        path = folder / "apple" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
        seen.add(images.reference("apple", folder))
    assert len(seen) == 4


def test_an_unknown_image_is_refused_naming_the_known_ones(folder: Path) -> None:
    with pytest.raises(images.BuildFailed, match="'pear'") as caught:
        images.build(["pear"], folder=folder)
    assert "base, apple, pie" in caught.value.hint


def test_a_failing_step_says_what_failed() -> None:
    lines: list[str] = []
    steps = [{"stream": "Step 1/2 : FROM x\n"}, {"stream": "\n"}, {"error": "apt said no\n"}]
    with pytest.raises(images.BuildFailed, match="base could not be built: apt said no"):
        images._follow("base", steps, lines.append)
    assert lines == ["Step 1/2 : FROM x"]
