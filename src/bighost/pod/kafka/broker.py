"""One Kafka broker, fresh: a JVM under its own user, on loopback, on a log folder that was formatted ahead.

Everything lies in the image (`images/kafka`); the log folder is copied from there at each start. The broker's
memory is the pod's, not the student's, and its user is neither ours nor the student's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from bighost.pod.kafka.steward import Refusal, Steward
from bighost.pod.sandbox import Fault

HOME = Path("/opt/kafka")
STATE = Path("/var/lib/kafka")
BOOTSTRAP = "127.0.0.1:9092"
UID = 64100  # of the user `kafka` in the image
READY_S = 30.0
STOP_S = 5.0
LOG_TAIL_BYTES = 600


class Broker:
    """A broker that is running from `start` to `stop`."""

    def __init__(self) -> None:
        self.steward: Steward
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Lay out a fresh log folder, start broker and steward, and wait until topics can be listed.

        Raises Fault.
        """
        self._require()
        self._lay_out()
        command = ["/usr/bin/java", f"@{HOME / 'java.args'}", f"-XX:SharedArchiveFile={HOME / 'classes.jsa'}"]
        with (STATE / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*command, "kafka.Kafka", str(HOME / "server.properties")],
                env={"LANG": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=UID,
                group=UID,
                extra_groups=[],
                cwd="/",
            )
            self.steward = Steward(HOME / "steward.py", BOOTSTRAP, UID, log)
        try:
            self.steward.topics(READY_S)
            self.steward.wake()
        except (Refusal, Fault) as error:
            raise Fault(f"the broker did not start: {error}; last it said: {self.last_words()}") from None

    def stop(self) -> None:
        """Kill broker and steward; nothing that they hold is needed any more."""
        if self._process is None:
            return
        self.steward.close()
        self._process.kill()
        self._process.wait(STOP_S)
        self._process = None

    def renew(self) -> None:
        """Replace the broker by a fresh one. Raises Fault."""
        self.stop()
        self.start()

    def check(self) -> None:
        """Raises Fault when the broker has ended."""
        if self._process is None or self._process.poll() is not None:
            raise Fault(f"the broker has ended: {self.last_words()}")

    def topic_bytes(self) -> int:
        """How much lies in the topics' logs."""
        logs = (STATE / "data").glob("[!_]*/*.log")
        return sum(_size(path) for path in logs)

    def last_words(self) -> str:
        """The end of what broker and steward have said."""
        text = (STATE / "log").read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace")
        return text.strip()

    def _require(self) -> None:
        if not (HOME / "classes.jsa").exists() or os.geteuid() != 0:
            raise Fault("Kafka runs in its own image only, started as root: use docker pods")

    def _lay_out(self) -> None:
        for path in STATE.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(HOME / "formatted", STATE / "data")
        for path in (STATE / "data", *(STATE / "data").rglob("*")):
            os.chown(path, UID, UID)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0  # its topic was deleted while we looked
