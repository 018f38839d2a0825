"""Jars come from Maven once, are checked always, and a host without Java is told what it lacks."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from bighost.node import jars

MAVEN = """#!/bin/sh
echo called >> "$COUNT"
for argument; do
    case "$argument" in -DoutputDirectory=*) mkdir "${argument#*=}" && cd "${argument#*=}" ;; esac
done
printf one > one.jar && printf two > two.jar
"""
SUMS = "".join(f"{hashlib.sha256(text.encode()).hexdigest()}  {text}.jar\n" for text in ("one", "two"))


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that comes first in PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("COUNT", str(tmp_path / "count"))
    return folder


@pytest.fixture
def image(tmp_path: Path) -> Path:
    folder = tmp_path / "hadoop"
    folder.mkdir()
    (folder / "pom.xml").write_text("<project/>")
    (folder / "jars.sha256").write_text(SUMS)
    return folder


def install(programs: Path, name: str, script: str) -> None:
    (programs / name).write_text(script)
    (programs / name).chmod(0o755)


def test_jars_are_resolved_once_and_then_taken_from_the_cache(
    image: Path, programs: Path, tmp_path: Path
) -> None:
    install(programs, "mvn", MAVEN)
    for _ in range(2):
        found = jars.jars_of(image, tmp_path / "cache")
        assert {name: path.read_text() for name, path in found.items()} == {
            "one.jar": "one",
            "two.jar": "two",
        }
    assert (tmp_path / "count").read_text() == "called\n"
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [""]  # nothing half made is left


def test_another_pom_is_resolved_anew(image: Path, programs: Path, tmp_path: Path) -> None:
    install(programs, "mvn", MAVEN)
    jars.jars_of(image, tmp_path / "cache")
    (image / "pom.xml").write_text("<project></project>")
    jars.jars_of(image, tmp_path / "cache")
    assert (tmp_path / "count").read_text() == "called\n" * 2


@pytest.mark.parametrize(
    ("sums", "what"),
    [
        (SUMS.replace("3fc4", "0000"), "two.jar is not the one"),
        (SUMS.splitlines()[0] + "\n", "two.jar is not named"),
        (SUMS + f"{'0' * 64}  three.jar\n", "three.jar is not among"),
        ("what is this\n", "line 1"),
        (None, "no jars.sha256"),
    ],
)
def test_jars_that_are_not_the_named_ones_are_refused(
    image: Path, programs: Path, tmp_path: Path, sums: str | None, what: str
) -> None:
    install(programs, "mvn", MAVEN)
    (image / "jars.sha256").unlink()
    if sums is not None:
        (image / "jars.sha256").write_text(sums)
    with pytest.raises(jars.JavaFailed, match=what):
        jars.jars_of(image, tmp_path / "cache")


def test_a_host_without_maven_is_told(image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(jars.JavaFailed, match="mvn is not there") as caught:
        jars.jars_of(image, tmp_path / "cache")
    assert "Maven" in caught.value.hint


def test_a_failing_maven_is_quoted_and_leaves_nothing(image: Path, programs: Path, tmp_path: Path) -> None:
    install(programs, "mvn", "#!/bin/sh\necho 'no such artifact' && exit 1\n")
    with pytest.raises(jars.JavaFailed, match="no such artifact"):
        jars.jars_of(image, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_an_image_without_sources_has_no_jar_of_its_own(image: Path) -> None:
    assert jars.program_jar(image, {}) is None


def test_sources_are_compiled_and_packed_with_the_files_beside_them(image: Path, programs: Path) -> None:
    (image / "src" / "pod").mkdir(parents=True)
    (image / "src" / "pod" / "Driver.java").write_text("class Driver {}")
    (image / "src" / "log.properties").write_text("quiet")
    compiler = '#!/bin/sh\nwhile [ $# -gt 1 ]; do [ "$1" = -d ] && made="$2"; shift; done\n'
    install(programs, "javac", compiler + 'mkdir "$made/pod" && cp "$1" "$made/pod/Driver.class"\n')
    packed = jars.program_jar(image, {})
    assert packed is not None
    assert packed == jars.program_jar(image, {})
    with zipfile.ZipFile(io.BytesIO(packed)) as jar:
        assert {name: jar.read(name) for name in jar.namelist()} == {
            "log.properties": b"quiet",
            "pod/Driver.class": b"class Driver {}",
        }
