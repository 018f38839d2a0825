"""A node of its own process with pods that only play, to be killed: `node_process.py URL DATA`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from fake_coordinator import TOKEN
from fake_pods import FakeRuntime

from bighost.node.agent import NodeAgent
from bighost.node.equipment import RuntimeInUse, equip
from bighost.node.home import Home
from bighost.node.identity import enrol
from bighost.settings import GIB, derive, for_profile
from bighost.wire.keys import KeyPair
from bighost.wire.messages import Profile


async def main(url: str, data: Path) -> int:
    home = Home(data)
    with home.held():
        keys = KeyPair.load_or_create(home.keys)
        settings = for_profile(Profile.CORE, data=data, name="node", slots=1)
        who = await enrol(url, TOKEN, "node", Profile.CORE, keys)
        pods = RuntimeInUse(FakeRuntime(), "fake", {"streaming": ""})
        offer = derive(settings, 1, GIB, ("streaming",))
        async with equip(settings, who, home, pods, offer, (0,)) as equipment:
            return await NodeAgent(who, keys, equipment).run()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1], Path(sys.argv[2]))))
