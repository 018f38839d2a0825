"""Makes the data of this assignment from the package lists of this machine's apt (`apt-cache dumpavail`).

`--dataset full --output FILE` writes the dependencies of all packages that apt knows here; `--shipped` writes
the files beside this script again, which hold the packages of a section each. Installs nothing.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
SECTIONS = {"sample": "ocaml", "larger": "python", "full": None}
SHIPPED = {"sample": "ocaml.tsv", "larger": "python.tsv.gz"}
LEAST_PACKAGES = 1000
NAME = re.compile(r"\s*([a-z0-9][a-z0-9+.-]+)")


def main() -> None:
    """Parses the command line and writes what it asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", choices=SECTIONS)
    parser.add_argument("--output", type=Path, help="a name that ends in .gz is written compressed")
    parser.add_argument("--shipped", action="store_true")
    asked = parser.parse_args()
    if not asked.shipped and (asked.dataset is None or asked.output is None):
        parser.error("say --dataset and --output, or --shipped")
    wanted = {n: HERE / f for n, f in SHIPPED.items()} if asked.shipped else {asked.dataset: asked.output}
    try:
        packages = list(stanzas(dumpavail()))
        for name, path in wanted.items():
            write(path, edges(packages, SECTIONS[name]))
    except (OSError, LookupError, subprocess.CalledProcessError) as error:
        sys.exit(
            f"degrees: the graph can't be made here: {reason(error)}. It comes from the package lists of "
            "Debian's apt: run this on Debian or a relative of it, after `apt-get update`."
        )


def dumpavail() -> str:
    """What apt knows of all packages; raises LookupError where it has no lists."""
    text = subprocess.run(["apt-cache", "dumpavail"], check=True, capture_output=True).stdout.decode()
    known = len(re.findall("^Package:", text, re.MULTILINE))
    if known < LEAST_PACKAGES:
        raise LookupError(f"apt knows of {known} packages only")
    return text


def stanzas(text: str) -> Iterator[dict[str, str]]:
    """The fields of each package; format: deb822(5)."""
    for stanza in text.replace("\n ", " ").split("\n\n"):
        yield {
            name: value.strip() for name, _, value in (line.partition(":") for line in stanza.splitlines())
        }


def edges(packages: list[dict[str, str]], section: str | None) -> list[str]:
    """A line `package TAB dependency` for each name in a Depends field, alternatives too, well shuffled."""
    found = [
        f"{package['Package']}\t{name[1]}"
        for package in packages
        if section is None or package.get("Section") == section
        for part in re.split("[,|]", package.get("Depends", ""))
        if (name := NAME.match(part))
    ]
    return [edge for _, edge in sorted(enumerate(found), key=lambda edge: scramble(*edge))]


def scramble(number: int, edge: str) -> bytes:
    """A place in an order that means nothing but is always the same; the number separates twins."""
    return hashlib.blake2b(f"{number} {edge}".encode(), digest_size=16).digest()


def write(path: Path, lines: list[str]) -> None:
    """Writes the file; the same lines give the same bytes, compressed or not."""
    content = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(content, 9, mtime=0) if path.suffix == ".gz" else content)


def reason(error: Exception) -> str:
    """The failure in one line: the last thing that apt said, else what the system says."""
    if isinstance(error, subprocess.CalledProcessError):
        said = error.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        return f"apt-cache failed ({said[-1].rstrip('.')})"
    if isinstance(error, FileNotFoundError):
        return f"there is no {error.filename}"
    return str(error).rstrip(".")


if __name__ == "__main__":
    main()
