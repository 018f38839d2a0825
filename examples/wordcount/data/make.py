"""Makes the data of this assignment from Debian's `bible-kjv-text` (the text) and `bible-kjv` (its reader).

`--dataset full --output FILE` writes the whole text, a verse a line; `--shipped` writes the files beside
this script again. Needs apt-get and dpkg-deb where the packages aren't installed; installs nothing.
"""

from __future__ import annotations

import argparse
import gzip
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
WHOLE = "gen1:1-rev22:21"
PASSAGES = {"sample": "gen1:1-gen50:26", "larger": "mat1:1-rev22:21", "full": WHOLE}
SHIPPED = {"sample": "genesis.txt", "larger": "new-testament.txt.gz"}
LEAST_LINES = 1000


def main() -> None:
    """Parses the command line and writes what it asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", choices=PASSAGES)
    parser.add_argument("--output", type=Path, help="a name that ends in .gz is written compressed")
    parser.add_argument("--shipped", action="store_true")
    asked = parser.parse_args()
    if not asked.shipped and (asked.dataset is None or asked.output is None):
        parser.error("say --dataset and --output, or --shipped")
    wanted = {n: HERE / f for n, f in SHIPPED.items()} if asked.shipped else {asked.dataset: asked.output}
    with tempfile.TemporaryDirectory() as folder:
        try:
            bible = installed() or downloaded(Path(folder))
            for name, path in wanted.items():
                write(path, verses(bible, PASSAGES[name]))
        except (OSError, subprocess.CalledProcessError) as error:
            sys.exit(
                f"wordcount: the text can't be made here: {reason(error)}. It comes from Debian's packages "
                "bible-kjv and bible-kjv-text: `apt-get install bible-kjv` where apt reaches a mirror."
            )


def installed() -> list[str] | None:
    """The command that reads the text, when Debian's packages are installed."""
    program = shutil.which("bible")
    return [program] if program and Path("/usr/lib/bible.data").exists() else None


def downloaded(folder: Path) -> list[str]:
    """The same command from freshly downloaded packages, unpacked in `folder`."""
    run(["apt-get", "download", "bible-kjv", "bible-kjv-text"], cwd=folder)
    for package in folder.glob("*.deb"):
        run(["dpkg-deb", "-x", str(package), str(folder)])
    return [str(folder / "usr/bin/bible"), "-p", str(folder / "usr/lib")]


def verses(bible: list[str], passage: str) -> bytes:
    """A verse a line, its reference first, such as 'Ge1:3 And God said, …'."""
    text = run([*bible, "-f", passage])
    lines = text.count(b"\n")
    if lines < LEAST_LINES:
        raise OSError(f"`bible` gave only {lines} lines of {passage}")
    return text


def run(command: list[str], cwd: Path | None = None) -> bytes:
    """What the command wrote to its standard output; raises CalledProcessError or OSError when it failed."""
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, stdin=subprocess.DEVNULL).stdout


def write(path: Path, content: bytes) -> None:
    """Writes the file; the same content gives the same bytes, compressed or not."""
    path.write_bytes(gzip.compress(content, 9, mtime=0) if path.suffix == ".gz" else content)


def reason(error: Exception) -> str:
    """The failure in one line: the last thing that a failed command said, else what the system says."""
    if isinstance(error, subprocess.CalledProcessError):
        said = error.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        return f"{Path(error.cmd[0]).name} failed ({said[-1].rstrip('.')})"
    if isinstance(error, FileNotFoundError):
        return f"there is no {error.filename}"
    return str(error).rstrip(".")


if __name__ == "__main__":
    main()
