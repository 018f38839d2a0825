"""Where each setting comes from: flag, then environment, then file, then profile, then default.

A value is kept with its origin, so that a complaint, and staff who look at a node, can be told who set it.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
import platformdirs

from bighost.config import files
from bighost.config.fields import Field, fields_of
from bighost.config.files import ConfigFile
from bighost.errors import OperatorError
from bighost.job import ids
from bighost.job.spelling import perhaps
from bighost.settings import PROFILES, ClientSettings, CoordinatorSettings, NodeSettings

S = TypeVar("S", bound=msgspec.Struct)

DEFAULT = "default"


class Sourced(msgspec.Struct, frozen=True):
    """A value, and who set it: "--window", "BIGHOST_NODE_WINDOW", "config.toml, line 3", "profile core"."""

    value: Any
    origin: str


class Resolved(msgspec.Struct, Generic[S], frozen=True):
    """Settings, and the origin of each by the field's name."""

    settings: S
    origins: dict[str, str]


def resolve_node(
    flags: Mapping[str, Any], config: Path | None = None, environ: Mapping[str, str] = os.environ
) -> Resolved[NodeSettings]:
    """A node's settings. `flags` by field, None where a flag was not given; `config`: a file's path.

    Raises OperatorError that names the value's origin.
    """
    said = _said("node", NodeSettings, flags, files.load(config), environ)
    profile = said["profile"].value if "profile" in said else _default(NodeSettings, "profile")
    of_profile = {k: Sourced(v, f"profile {profile}") for k, v in PROFILES[profile].items()}
    name = said.get("name", Sourced(_host_name(), "this machine's name"))
    fallbacks = {**of_profile, "name": name, "data": Sourced(_data("nodes", name.value), DEFAULT)}
    return _build(NodeSettings, {**fallbacks, **said})


def resolve_coordinator(
    flags: Mapping[str, Any], config: Path | None = None, environ: Mapping[str, str] = os.environ
) -> Resolved[CoordinatorSettings]:
    """A coordinator's settings; as `resolve_node`."""
    said = _said("coordinator", CoordinatorSettings, flags, files.load(config), environ)
    return _build(CoordinatorSettings, {"data": Sourced(_data("coordinator"), DEFAULT), **said})


def resolve_client(config: Path | None = None) -> Resolved[ClientSettings]:
    """What the file's table [client] says; see `credentials` for what goes before it."""
    return _build(ClientSettings, _said("client", ClientSettings, {}, files.load(config), {}))


def _said(
    table: str,
    struct: type[msgspec.Struct],
    flags: Mapping[str, Any],
    file: ConfigFile | None,
    environ: Mapping[str, str],
) -> dict[str, Sourced]:
    """What flags, environment and file say, by the field's name."""
    fields = fields_of(struct)
    raw = {
        **_from_file(table, fields, file),
        **_from_environment(table, fields, environ),
        **_from_flags(fields, flags),
    }
    return {fields[key].name: _read(fields[key], found) for key, found in raw.items()}


def _from_flags(fields: Mapping[str, Field], flags: Mapping[str, Any]) -> dict[str, Sourced]:
    keys = {field.name: key for key, field in fields.items()}
    given = {name: value for name, value in flags.items() if value is not None}
    return {keys[name]: Sourced(value, f"--{keys[name].replace('_', '-')}") for name, value in given.items()}


def _from_environment(
    table: str, fields: Mapping[str, Field], environ: Mapping[str, str]
) -> dict[str, Sourced]:
    variables = {field.variable(table): key for key, field in fields.items()}
    prefix = f"BIGHOST_{table.upper()}_"
    endings = [name.removeprefix(prefix) for name in variables]
    for name in environ:
        if not name.startswith(prefix) or name in variables:
            continue
        # Other programs may use the prefix too; only what looks like one of ours, misspelt, is an error.
        if meant := perhaps(name.removeprefix(prefix), endings):
            raise OperatorError(f"the environment variable {name} is unknown", hint=meant)
    return {key: Sourced(environ[name], name) for name, key in variables.items() if name in environ}


def _from_file(table: str, fields: Mapping[str, Field], file: ConfigFile | None) -> dict[str, Sourced]:
    if file is None:
        return {}
    said = file.tables.get(table, {})
    for key in said:
        if key not in fields:
            raise OperatorError(
                f"{file.where(table, key)}: [{table}] has no key {key!r}",
                hint=perhaps(key, fields) or f"its keys are {', '.join(fields)}",
            )
    return {key: Sourced(value, file.where(table, key)) for key, value in said.items()}


def _read(field: Field, found: Sourced) -> Sourced:
    try:
        return Sourced(field.read(found.value), found.origin)
    except ValueError as error:
        raise OperatorError(
            f"{found.origin}: {field.key} can't be {found.value!r}: {error}", hint=field.description
        ) from None


def _build(struct: Callable[..., S], said: Mapping[str, Sourced]) -> Resolved[S]:
    try:
        settings = struct(**{name: found.value for name, found in said.items()})
    except ValueError as error:
        raise OperatorError(str(error), hint=_whence(str(error), said)) from None
    origins = {name: said[name].origin if name in said else DEFAULT for name in settings.__struct_fields__}
    return Resolved(settings, origins)


def _whence(complaint: str, said: Mapping[str, Sourced]) -> str:
    words = set(re.findall(r"\w+", complaint))
    told = (f"{name} is set by {found.origin}" for name, found in said.items() if name in words)
    return "; ".join(told)


def _default(struct: type[msgspec.Struct], name: str) -> Any:
    return next(f.default for f in msgspec.structs.fields(struct) if f.name == name)


def _data(*parts: str) -> Path:
    return platformdirs.user_data_path("bighost").joinpath(*parts)


def _host_name() -> str:
    name = re.sub(r"[^A-Za-z0-9._-]", "-", platform.node())[:64].lstrip("._-")
    return name if ids.is_name(name) else "node"
