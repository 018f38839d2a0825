"""A Docker engine's socket that can go away amid whatever is asked, and come back."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from pathlib import Path

ENGINE = "/var/run/docker.sock"
BLOCK = 65536


class EngineProxy:
    """Forwards the socket at `path` to the engine's own, from `restore` until `cut`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._listener: socket.socket | None = None
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []

    @property
    def url(self) -> str:
        """What DOCKER_HOST is to be."""
        return f"unix://{self._path}"

    def __enter__(self) -> EngineProxy:
        self.restore()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()

    def restore(self) -> None:
        """The engine is there (again)."""
        if self._listener is not None:
            return
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._listener.listen()
        self._run(self._accept, self._listener)

    def cut(self) -> None:
        """Nobody listens any more, and what was being said is broken off."""
        if self._listener is None:
            return
        self._path.unlink()
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes who waits in accept
        self._threads.pop(0).join()
        self._listener.close()
        self._listener = None
        with self._lock:
            for near in self._open:
                with contextlib.suppress(OSError):  # its other end has just gone
                    near.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return  # it was cut
            with self._lock:
                self._open.add(near)
            self._run(self._carry, near)

    def _carry(self, near: socket.socket) -> None:
        with near, socket.socket(socket.AF_UNIX) as far:
            far.connect(ENGINE)
            other = {near: far, far: near}
            try:
                while True:
                    for side in select.select(list(other), [], [])[0]:
                        data = side.recv(BLOCK)
                        if not data:
                            return
                        other[side].sendall(data)
            except OSError:
                return  # one of them is gone
            finally:
                with self._lock:
                    self._open.discard(near)

    def _run(self, work: object, sock: socket.socket) -> None:
        thread = threading.Thread(target=work, args=(sock,))  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()
