"""Commits numbered pairs to the SQLite store named by its argument, and says each number, until it is killed.

It goes on after the last pair that the store holds.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from store_samples import a_pair

from bighost.store.sqlite import SqliteStore


async def main(path: Path) -> None:
    store = SqliteStore(path)
    await store.open()
    latest = await store.fact("latest")
    number = 0 if latest is None else int(latest) + 1
    while True:
        await store.commit(a_pair(number))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        number += 1


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
