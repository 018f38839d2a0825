"""The Pod Control Server's program: it listens at once, warms up, and serves until SIGTERM.

`python3 -m bighost.pod.server --socket PATH --framework NAME --work DIR [--student-uid N] [--cores N]`

As root, student code runs as another user. That user should be this pod's alone on its machine, because
the kernel counts processes by user, containers or not. Anybody else runs student code as themselves.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from bighost.pod.frameworks import FRAMEWORKS
from bighost.pod.handler import Server
from bighost.pod.memory import keep_small
from bighost.pod.pod import Pod
from bighost.pod.sandbox import Sandbox
from bighost.pod.workdir import Workdir

STUDENT_UID = 64123
BAD_START = 2
STOP_S = 0.1  # how soon a stop is noticed

log = logging.getLogger("bighost.pod")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; gives the exit code."""
    given = _parser().parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    keep_small()
    uid = given.student_uid if os.geteuid() == 0 else None
    try:
        workdir = Workdir(given.work, uid)
        sandbox = Sandbox(uid)
    except (OSError, ValueError) as error:
        log.error("the pod can't start: %s", error)
        return BAD_START
    pod = Pod(given.framework, FRAMEWORKS[given.framework](), sandbox, workdir, given.cores)
    try:
        server = listen(given.socket, pod)
    except OSError as error:
        log.error("nobody can listen at %s: %s", given.socket, error)
        pod.close()
        return BAD_START
    _serve(server, pod)
    given.socket.unlink(missing_ok=True)
    return 0


def listen(path: Path, pod: Pod) -> Server:
    """Listen at a socket that only root and its folder's owner can reach. Raises OSError."""
    path.unlink(missing_ok=True)  # of a server that was killed; the folder is ours alone
    before = os.umask(0o177)
    try:
        server = Server(path, pod)
    finally:
        os.umask(before)
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid)
    return server


def _serve(server: Server, pod: Pod) -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    threading.Thread(target=pod.warm_up, name="warm-up", daemon=True).start()
    threading.Thread(target=server.serve_forever, args=(STOP_S,), name="server", daemon=True).start()
    stop.wait()
    server.shutdown()
    server.server_close()
    pod.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bighost.pod.server", description="Runs student programs.")
    parser.add_argument("--socket", type=Path, required=True, help="where to listen")
    parser.add_argument("--framework", choices=sorted(FRAMEWORKS), required=True)
    parser.add_argument("--work", type=Path, required=True, help="a folder for this pod alone")
    parser.add_argument("--student-uid", type=_student, default=STUDENT_UID, help="used when started as root")
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1, help="programs at a time, at most")
    return parser


def _student(text: str) -> int:
    uid = int(text)
    if uid <= 0:
        raise ValueError("student code can't be root")
    return uid


if __name__ == "__main__":
    sys.exit(main())
