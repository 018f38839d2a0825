"""CURVE key pairs: a node, and the coordinator, is known by its public key and by nothing else."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import zmq

from bighost.errors import OperatorError

# The 85 characters of Z85 (ZeroMQ RFC 32), 40 of which hold the 32 bytes of a key.
_Z85 = re.compile(r"[0-9A-Za-z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}")


def is_key(text: str) -> bool:
    """Whether `text` has the form of a key: 40 characters of Z85."""
    return _Z85.fullmatch(text) is not None


@dataclass(frozen=True)
class KeyPair:
    """A CURVE key pair in Z85. Its repr keeps the secret."""

    public: str
    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        if not (is_key(self.public) and is_key(self.secret)):
            raise ValueError("a key has 40 characters of Z85")

    @classmethod
    def new(cls) -> KeyPair:
        """A fresh pair."""
        public, secret = zmq.curve_keypair()
        return cls(public.decode(), secret.decode())

    @classmethod
    def load_or_create(cls, path: Path) -> KeyPair:
        """The pair in the file `path`, made (mode 0600) where there is none.

        Raises OperatorError when the file holds something else.
        """
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return cls._load(path)
        pair = cls.new()
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{pair.public}\n{pair.secret}\n")
            file.flush()
            os.fsync(file.fileno())
        return pair

    @classmethod
    def _load(cls, path: Path) -> KeyPair:
        try:
            public, secret = path.read_text(encoding="ascii").split()
            return cls(public, secret)
        except ValueError:
            raise OperatorError(
                f"{path} does not hold a key pair",
                hint="remove the file: a new pair is made, and a node then needs a join token again",
            ) from None
