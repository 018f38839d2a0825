"""The fields of a settings struct as people write them: key, environment variable, how a value is read."""

from __future__ import annotations

import typing
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec

from bighost.job.units import parse_duration, parse_size

# What a field's ending says of its unit; people write the unit into the value instead.
_UNITS = {"_bytes": parse_size, "_s": parse_duration}


class Field(msgspec.Struct, frozen=True):
    """One setting."""

    name: str  # in the struct: `lease_s`
    key: str  # for people: `lease`
    kind: Any
    description: str
    default: Any  # msgspec.NODEFAULT where there is none

    def variable(self, table: str) -> str:
        """The environment variable: `BIGHOST_COORDINATOR_LEASE`; what is the client's has no table's name."""
        return "_".join(("BIGHOST", *([] if table == "client" else [table.upper()]), self.key.upper()))

    def read(self, raw: Any) -> Any:
        """A value from a flag, a file or the environment as the field's own type.

        Raises ValueError (msgspec.ValidationError is one) that says what is expected.
        """
        if raw is None:
            return None
        for ending, parse in _UNITS.items():
            if self.name.endswith(ending):
                raw = parse(raw)
        return msgspec.convert(raw, self.kind, strict=False, dec_hook=_path)

    def written(self, value: Any) -> str:
        """A value as TOML."""
        if isinstance(value, Path | Enum | str):
            return f'"{value}"'
        if self.name.endswith("_bytes"):
            return f'"{_in_largest_unit(value)}"'
        if self.name.endswith("_s"):
            return f'"{value:g}s"'
        return str(value).lower() if isinstance(value, bool) else str(value)


def fields_of(struct: type[msgspec.Struct]) -> dict[str, Field]:
    """Every setting of a struct by its key, in order."""
    hints = typing.get_type_hints(struct, include_extras=True)
    fields = (_field(f.name, hints[f.name], f.default) for f in msgspec.structs.fields(struct))
    return {field.key: field for field in fields}


def _field(name: str, kind: Any, default: Any) -> Field:
    key = name
    for ending in _UNITS:
        key = key.removesuffix(ending)
    meta = next((m for m in getattr(kind, "__metadata__", ()) if isinstance(m, msgspec.Meta)), None)
    return Field(name, key, kind, (meta and meta.description) or "", default)


def _path(kind: type, raw: Any) -> Any:
    if kind is Path and isinstance(raw, str | Path):
        return Path(raw).expanduser()
    raise NotImplementedError


def _in_largest_unit(value: int) -> str:
    """A size that reads back as exactly the same number."""
    for unit, size in (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024)):
        if value >= size and value % size == 0:
            return f"{value // size}{unit}"
    return str(value)
