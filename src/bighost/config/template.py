"""The commented configuration file: every key with what it is for and the value that it has if left out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from bighost.config.fields import Field, fields_of
from bighost.errors import OperatorError
from bighost.settings import PROFILES, ClientSettings, CoordinatorSettings, NodeSettings

_HEAD = """\
# BigHOST's configuration. A flag goes before an environment variable, that before this file, this file
# before a node's profile, and that before the value shown here. Take the '#' away to set a key.
# Sizes are written "2GiB" or in bytes, durations "90s" or in seconds.
"""
_STRUCTS: dict[str, type[msgspec.Struct]] = {
    "node": NodeSettings,
    "coordinator": CoordinatorSettings,
    "client": ClientSettings,
}


def template() -> str:
    """The whole file."""
    return _HEAD + "".join(_table(name, struct) for name, struct in _STRUCTS.items())


def write_template(path: Path) -> None:
    """Write the template to a new file. Raises OperatorError when there is one already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(template())
    except FileExistsError:
        raise OperatorError(f"{path} is there already", hint="move it away first") from None


def _table(name: str, struct: type[msgspec.Struct]) -> str:
    lines = (line for field in fields_of(struct).values() for line in _entry(name, field))
    return "\n".join((f"\n[{name}]", *lines)) + "\n"


def _entry(table: str, field: Field) -> Iterator[str]:
    yield f"# {field.description} ({field.variable(table)})"
    by_profile = [f"{p}: {field.written(v[field.name])}" for p, v in PROFILES.items() if field.name in v]
    if table == "node" and by_profile:
        yield f"# By profile, {', '.join(by_profile)}."
    unset = field.default is None or field.default is msgspec.NODEFAULT
    yield f"#{field.key} =" if unset else f"#{field.key} = {field.written(field.default)}"
