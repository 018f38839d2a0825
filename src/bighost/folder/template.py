"""A new assignment's folder, which works as it is: the words of a small text, counted."""

from __future__ import annotations

import shutil
from pathlib import Path

from bighost.errors import AssignmentError
from bighost.job import ids
from bighost.job.spelling import perhaps

_TEMPLATES = Path(__file__).parent / "templates"
_ID = "assignment-id"


def new(folder: Path, id: str, framework: str = "streaming") -> None:
    """Write a commented `assignment.toml`, data, an answer and two submissions to `folder`.

    Raises AssignmentError where the folder holds files already, `id` is no name, or there is no template
    for the framework.
    """
    templates = sorted(path.name for path in _TEMPLATES.iterdir() if path.is_dir())
    if framework not in templates:
        hint = perhaps(framework, templates) or f"There are templates for {', '.join(templates)}."
        raise AssignmentError(f"there is no template for framework {framework!r}", hint=hint)
    if not ids.is_name(id):
        raise AssignmentError(f"{id!r} is no name", hint="Use letters, digits, '.', '_' and '-', 64 at most.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise AssignmentError(f"{folder} is there already, and not empty", hint="Name a new folder.")
    skip = shutil.ignore_patterns("__pycache__")
    shutil.copytree(_TEMPLATES / framework, folder, dirs_exist_ok=True, ignore=skip)
    description = folder / "assignment.toml"
    description.write_text(description.read_text("utf-8").replace(_ID, id), "utf-8")
