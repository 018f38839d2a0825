"""The files of ours that go inside a pod: `bighost/` with an empty `__init__.py` and `pod/`, nothing else.

Images get them in their build context, process pods as a folder that every user can read.
"""

from __future__ import annotations

from pathlib import Path

from bighost.pod import contract


def pod_files() -> dict[str, bytes]:
    """Path below the tree's root -> content, in order of path."""
    package = Path(contract.__file__).parent
    files = {"bighost/__init__.py": b""}
    for source in sorted(package.rglob("*.py")):
        files[f"bighost/pod/{source.relative_to(package).as_posix()}"] = source.read_bytes()
    return files


def write_tree(root: Path) -> None:
    """Write the files below `root`, readable by every user that may pass to it."""
    for name, content in pod_files().items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o644)
    for folder in [root, *(path for path in root.rglob("*") if path.is_dir())]:
        folder.chmod(0o755)
