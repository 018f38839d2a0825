"""A course for a cluster: its assignment is so small that nobody waits for the student's program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bighost.folder.files import digest_of
from bighost.job.assignment import Assignment, Dataset, SanityRules, Test
from bighost.wire.http import NewAssignment
from tests.acceptance.cluster import Cluster

DATA = b"a b b\n"
KEY = b"a\t1\nb\t2\n"
MAPPER = b"""import sys

for line in sys.stdin:
    for word in line.split():
        print(word, 1, sep="\\t")
"""
REDUCER = b"""import sys
from collections import Counter

counts = Counter(line.split("\\t")[0] for line in sys.stdin)
for word, count in counts.items():
    print(word, count, sep="\\t")
"""
PROGRAMS = {"mapper.py": MAPPER, "reducer.py": REDUCER}


def add_assignment(cluster: Cluster, id: str = "count", **fields: Any) -> Assignment:
    """An assignment that PROGRAMS pass; its dataset and key are uploaded, as `assignments add` does."""
    data, key = (_uploaded(cluster, name, content) for name, content in (("data", DATA), ("key", KEY)))
    assignment = Assignment(
        id=id,
        title=id,
        datasets={"words": Dataset(name="words", files=(data,), size=len(DATA))},
        tests=(Test(name="words", dataset="words"),),
        sanity=SanityRules(lint=False),
        **fields,
    )
    with cluster.client() as client:
        client.add_assignment(NewAssignment(assignment=assignment, keys={"words": key}))
    return assignment


def write(folder: Path, files: dict[str, bytes]) -> list[str]:
    """These files in a folder of their own; their paths."""
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [str(folder / name) for name in files]


def _uploaded(cluster: Cluster, name: str, content: bytes) -> str:
    path = cluster.folder / name
    path.write_bytes(content)
    digest = digest_of(path)
    with cluster.client() as client:
        client.upload(digest, path)
    return digest
