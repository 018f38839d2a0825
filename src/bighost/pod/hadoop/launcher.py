"""What Hadoop starts in place of a student's program: hands its own pipes over, and waits for the exit code.

`python3 -I -S launcher.py SOCKET ROLE`, with the environment that Hadoop Streaming gives to programs. The
control server lets the warden start the program on these very pipes, so data flow between Hadoop and the
program without passing through anybody, and every limit holds as in any other framework. Built-in modules
only: this runs once a task, and most of its time is the start of Python.
"""

from __future__ import annotations

import _socket
import posix
import sys

TOLD = (
    b"mapreduce_map_input_",
    b"mapreduce_task_",
    b"mapreduce_job_id",
    b"mapreduce_job_maps",
    b"mapreduce_job_red",
)
REFUSED = 1
VALUE_BYTES = 2048


def main(address: str, role: str) -> int:
    """Hand over, wait; gives the program's exit code."""
    channel = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    channel.connect(address)
    told = [
        name + b"=" + value
        for name, value in posix.environ.items()
        if name.startswith(TOLD) and len(value) < VALUE_BYTES
    ]
    handles = b"".join(handle.to_bytes(4, sys.byteorder) for handle in (0, 1))
    rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, handles)
    channel.sendmsg([b"\0".join([role.encode(), *told])], [rights])
    posix.close(0)  # else Hadoop would not see the program close its end
    posix.close(1)
    answer = channel.recv(4)
    return int.from_bytes(answer, sys.byteorder) if answer else REFUSED


if __name__ == "__main__":
    posix._exit(main(sys.argv[1], sys.argv[2]))
