"""Gets the Java that an image needs ready on the host, so that nothing is downloaded inside its build.

A folder of `images/` may hold
- `pom.xml`: the jars, pinned; Maven resolves them once into a cache, by the digest of the file;
- `jars.sha256`: what each jar must be, as `sha256sum *.jar` writes it;
- `src/`: Java sources, compiled against those jars by the host's `javac` for Java 17, and other files for
  the same jar. On the host, because whoever resolves jars has Java there, and a compiler inside would triple
  the download of every build.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from platformdirs import user_cache_path

from bighost.node.runtime.base import RuntimeFault

POM = "pom.xml"
SUMS = "jars.sha256"
SOURCES = "src"
RELEASE = "17"  # of Java inside the images
MAVEN_S = 900.0
JAVAC_S = 300.0
TAIL_LINES = 15


class JavaFailed(RuntimeFault):
    """The Java of an image could not be made ready."""


def has_jars(folder: Path) -> bool:
    """Whether the image of this folder is built with jars."""
    return (folder / POM).is_file()


def jars_of(folder: Path, cache: Path | None = None) -> dict[str, Path]:
    """The jars of an image by name, resolved where the cache does not have them, and checked; blocks.

    Raises JavaFailed when Maven is missing or fails, or a jar is not the one that `jars.sha256` names.
    """
    pom = (folder / POM).read_bytes()
    digest = hashlib.sha256(pom).hexdigest()[:16]
    shelf = (cache or user_cache_path("bighost") / "jars") / digest
    if not shelf.is_dir():
        _resolve(folder.name, pom, shelf)
    found = {path.name: path for path in sorted(shelf.glob("*.jar"))}
    _check(folder, shelf, found)
    return found


def program_jar(folder: Path, jars: Mapping[str, Path]) -> bytes | None:
    """An image's own classes and the other files below `src/`, as a jar; None without sources; blocks.

    Raises JavaFailed.
    """
    root = folder / SOURCES
    if not root.is_dir():
        return None
    files = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    sources = [path for path in files.values() if path.suffix == ".java"]
    content = {name: path.read_bytes() for name, path in files.items() if path not in sources}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as jar:
        for name, data in sorted({**content, **_compile(sources, jars)}.items()):
            jar.writestr(zipfile.ZipInfo(name), data)  # without its time: equal sources, equal jar
    return packed.getvalue()


def _compile(sources: Sequence[Path], jars: Mapping[str, Path]) -> dict[str, bytes]:
    """Class files by path."""
    class_path = os.pathsep.join(str(path) for path in jars.values())
    options = ["--release", RELEASE, "-encoding", "UTF-8", "-Xlint:all,-classfile,-processing", "-proc:none"]
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        command = ["javac", *options, "-cp", class_path, "-d", made, *map(str, sorted(sources))]
        _call(command, root, JAVAC_S, "a JDK, 17 or later")
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*.class")}


def _resolve(image: str, pom: bytes, shelf: Path) -> None:
    """Let Maven fill the shelf: it is whole, or not there."""
    shelf.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{image}-", dir=shelf.parent) as work:
        (Path(work) / POM).write_bytes(pom)
        jars = Path(work) / "jars"
        goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={jars}"]
        _call(["mvn", "-q", "-B", *goal], Path(work), MAVEN_S, "Maven")
        if not shelf.exists():  # nobody else was faster
            jars.rename(shelf)


def _check(folder: Path, shelf: Path, found: Mapping[str, Path]) -> None:
    sums = folder / SUMS
    how = f"if the change is meant: (cd {shelf} && sha256sum *.jar) > {sums}"
    if not sums.is_file():
        raise JavaFailed(f"the image {folder.name} has jars, but no {SUMS}", hint=how)
    wanted = _read_sums(sums)
    for name in sorted(wanted.keys() ^ found.keys()):
        what = "is not among the resolved jars" if name in wanted else f"is not named in {SUMS}"
        raise JavaFailed(f"image {folder.name}: {name} {what}", hint=how)
    for name, path in found.items():
        if _sha256(path) != wanted[name]:
            raise JavaFailed(
                f"image {folder.name}: {name} is not the one that {SUMS} names",
                hint=f"remove {shelf} to have it resolved again; {how}",
            )


def _read_sums(path: Path) -> dict[str, str]:
    """Name -> sum of each line `SUM  NAME`. Raises JavaFailed."""
    sums = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or not name:
            raise JavaFailed(f"{path}, line {number}: `SHA-256, two spaces, name of a jar` is needed")
        sums[name] = digest
    return sums


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _call(command: Sequence[str], folder: Path, seconds: float, needs: str) -> None:
    program = command[0]
    if shutil.which(program) is None:
        raise JavaFailed(f"{program} is not there", hint=f"building images with jars needs {needs}")
    try:
        ended = subprocess.run(
            command, cwd=folder, timeout=seconds, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise JavaFailed(f"{program} took longer than {seconds:g} s") from error
    if ended.returncode != 0:
        said = (ended.stdout + ended.stderr).decode(errors="replace").strip().splitlines()
        raise JavaFailed(f"{program} failed:\n" + "\n".join(said[-TAIL_LINES:]))
