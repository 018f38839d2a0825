"""Builds and lists the images of pods.

An image is a folder of `images/` with a Dockerfile. Its build context is that folder, the pod's own code
(`podtree.py`) where the Dockerfile copies `bighost/`, and `ca-bundle.crt` (empty unless one is given). Its
tag is the digest of all that goes into it, the image it is built from included. So a node that asks for
`reference(name)` can't get a stale image: when the code has changed, that tag is not there.

Where the folder has a `pom.xml`, the context also holds `jars/` and `program.jar` (`jars.py`). The tag covers
what they are made of (the pom, the jars' sums, the sources), so that asking for it needs no Java.
"""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import docker
from docker.errors import APIError, ImageNotFound

import bighost
from bighost.node import jars
from bighost.node.podtree import pod_files
from bighost.node.runtime.base import ImageMissing, RuntimeFault
from bighost.node.runtime.engine import Engine

PREFIX = "bighost/"
LABEL_CONTENT = "bighost.content"
CA_BUNDLE = "ca-bundle.crt"
COPIES_CODE = re.compile(r"^COPY\s.*\bbighost/", re.MULTILINE)
PROGRAM_JAR = "program.jar"
SPOOL_BYTES = 16 << 20  # a larger build context is packed on disk
FROM = re.compile(r"^FROM\s+(\S+)", re.MULTILINE | re.IGNORECASE)

OnLine = Callable[[str], None]


class BuildFailed(RuntimeFault):
    """An image could not be built."""


@dataclass(frozen=True, slots=True)
class Image:
    """One image of ours, as it should be and as it is."""

    name: str
    reference: str  # the tag that a fresh image has
    fresh: bool
    built: str | None  # the tag that is there, fresh or stale
    size: int | None  # bytes
    created: str | None  # RFC 3339


def names(folder: Path | None = None) -> tuple[str, ...]:
    """The images that can be built, each after the one that it is built from."""
    where = folder or find_folder()
    ordered: list[str] = []

    def add(name: str) -> None:
        parent = _parent(where, name)
        if parent is not None:
            add(parent)
        if name not in ordered:
            ordered.append(name)

    for dockerfile in sorted(where.glob("*/Dockerfile")):
        add(dockerfile.parent.name)
    return tuple(ordered)


def find_folder() -> Path:
    """The folder of images: in a checkout, or as the wheel carries it. Raises BuildFailed."""
    package = Path(bighost.__file__).parent
    for folder in (package / "_images", package.parent.parent / "images"):
        if folder.is_dir():
            return folder
    raise BuildFailed("the folder of images is not there", hint="install bighost again")


def reference(name: str, folder: Path | None = None) -> str:
    """The tag of a fresh image, such as `bighost/streaming:3f9c2a71d0b4`."""
    return f"{PREFIX}{name}:{_content(folder or find_folder(), name)}"


def build(
    wanted: Iterable[str],
    *,
    ca_bundle: Path | None = None,
    on_line: OnLine = lambda _: None,
    engine: Engine | None = None,
    folder: Path | None = None,
) -> tuple[str, ...]:
    """Build these images and what they are built from, where they are not fresh already; blocks.

    `ca_bundle`: certificates that package managers inside the build shall trust (behind a company's proxy).
    Gives the references of the wanted images. Raises BuildFailed, EngineGone or EngineRefused.
    """
    where, asked = folder or find_folder(), tuple(wanted)
    unknown = [name for name in asked if name not in names(where)]
    if unknown:
        raise BuildFailed(f"there is no image {unknown[0]!r}", hint="there are " + ", ".join(names(where)))
    certificates = ca_bundle.read_bytes() if ca_bundle else b""
    asker = engine or Engine()
    try:
        for name in _with_parents(where, asked):
            asker.ask(partial(_build, where=where, name=name, certificates=certificates, on_line=on_line))
    finally:
        if engine is None:
            asker.close()
    return tuple(reference(name, where) for name in asked)


def listing(*, engine: Engine | None = None, folder: Path | None = None) -> tuple[Image, ...]:
    """Every image of ours and whether it is fresh; blocks. Raises EngineGone or EngineRefused."""
    where = folder or find_folder()
    asker = engine or Engine()
    try:
        return asker.ask(lambda client: tuple(_inspect(client, where, name) for name in names(where)))
    finally:
        if engine is None:
            asker.close()


def _with_parents(where: Path, asked: tuple[str, ...]) -> list[str]:
    needed = set(asked)
    for name in reversed(names(where)):
        parent = _parent(where, name)
        if name in needed and parent is not None:
            needed.add(parent)
    return [name for name in names(where) if name in needed]


def _origin(where: Path, name: str) -> str:
    dockerfile = where / name / "Dockerfile"
    found = FROM.search(dockerfile.read_text())
    if found is None:
        raise BuildFailed(f"{dockerfile} has no FROM line")
    return found.group(1)


def _parent(where: Path, name: str) -> str | None:
    """The image of ours that this one is built from."""
    origin = _origin(where, name)
    return origin.removeprefix(PREFIX).partition(":")[0] if origin.startswith(PREFIX) else None


def _context(where: Path, name: str) -> dict[str, bytes]:
    own = where / name
    files = {path.relative_to(own).as_posix(): path.read_bytes() for path in own.rglob("*") if path.is_file()}
    code = pod_files() if COPIES_CODE.search((own / "Dockerfile").read_text()) else {}
    return {**code, **files}


def _content(where: Path, name: str) -> str:
    digest = hashlib.blake2b(digest_size=6)
    parent = _parent(where, name)
    digest.update((_content(where, parent) if parent else "").encode())
    for path, content in sorted(_context(where, name).items()):
        digest.update(f"{path}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _build(client: docker.DockerClient, where: Path, name: str, certificates: bytes, on_line: OnLine) -> None:
    fresh = reference(name, where)
    if _known(client, fresh):
        on_line(f"{fresh} is fresh")
    else:
        _have_origin(client, _origin(where, name))
        files = {**_context(where, name), **_java(where / name), CA_BUNDLE: certificates}
        with _pack(files) as context:
            _follow(name, _start_build(client, context, fresh), on_line)
    client.api.tag(fresh, f"{PREFIX}{name}", "latest")  # children are built FROM it


def _java(own: Path) -> dict[str, bytes | Path]:
    """What is not in the folder itself, but made of it. Raises JavaFailed."""
    if not jars.has_jars(own):
        return {}
    resolved = jars.jars_of(own)
    files: dict[str, bytes | Path] = {f"jars/{name}": path for name, path in resolved.items()}
    if program := jars.program_jar(own, resolved):
        files[PROGRAM_JAR] = program
    return files


def _start_build(client: docker.DockerClient, context: IO[bytes], tag: str) -> Iterable[dict[str, Any]]:
    steps: Iterable[dict[str, Any]] = client.api.build(
        fileobj=context,
        custom_context=True,
        tag=tag,
        labels={LABEL_CONTENT: tag.rpartition(":")[2]},
        rm=True,
        forcerm=True,
        decode=True,
    )
    return steps


def _follow(name: str, steps: Iterable[dict[str, Any]], on_line: OnLine) -> None:
    for step in steps:
        for line in str(step.get("stream", "")).splitlines():
            if line.strip():
                on_line(line)
        if "error" in step:
            raise BuildFailed(
                f"the image {name} could not be built: {str(step['error']).strip()}",
                hint="if a download failed behind a proxy, hand its certificates in with --ca-bundle",
            )


def _pack(files: Mapping[str, bytes | Path]) -> IO[bytes]:
    packed = tempfile.SpooledTemporaryFile(SPOOL_BYTES)  # noqa: SIM115 - the caller closes it
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, content in sorted(files.items()):
            entry = tarfile.TarInfo(path)  # no time, no owner: equal files hit the build cache
            entry.mode = 0o644
            entry.size = len(content) if isinstance(content, bytes) else content.stat().st_size
            with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as source:
                archive.addfile(entry, source)
    packed.seek(0)
    return packed


def _known(client: docker.DockerClient, tag: str) -> bool:
    try:
        client.images.get(tag)
    except ImageNotFound:
        return False
    return True


def _have_origin(client: docker.DockerClient, origin: str) -> None:
    if _known(client, origin):
        return
    try:
        client.images.pull(origin)
    except APIError as error:
        raise ImageMissing(
            f"{origin} is not there and can't be pulled: {error.explanation or error}",
            hint="without a registry, make it: debootstrap --variant=minbase bookworm DIR && "
            f"tar -C DIR -c . | docker import - {origin}",
        ) from error


def _inspect(client: docker.DockerClient, where: Path, name: str) -> Image:
    fresh = reference(name, where)
    for tag in (fresh, f"{PREFIX}{name}:latest"):
        try:
            found = client.images.get(tag).attrs
        except ImageNotFound:
            continue
        return Image(name, fresh, tag == fresh, tag, int(found["Size"]), str(found["Created"]))
    return Image(name, fresh, False, None, None, None)
