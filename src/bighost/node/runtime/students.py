"""Which user student code runs as: one a pod, nobody else's on this machine.

The kernel counts processes by user, containers or not, so two pods with one user would share their limit; and
a plain process pod ends its student's processes by user. Hence a range that systemd's list of user ids leaves
unused, a hundred ids to a node. Inside a user namespace of 65,536 ids (rootless and remapped engines) ids are
the namespace's own, and the last hundred before the kernel's `nobody` serve.
"""

from __future__ import annotations

import hashlib

FIRST_USER = 1_900_000_000
USERS_A_NODE = 100
NODES = 900_000
FIRST_USER_OF_NAMESPACE = 65_400


def first_student(node: str) -> int:
    """The first of the user ids of a node's pods."""
    number = int.from_bytes(hashlib.blake2b(node.encode(), digest_size=8).digest(), "big")
    return FIRST_USER + number % NODES * USERS_A_NODE


def student_of(node: str, rank: int, *, namespaced: bool = False) -> int:
    """The user id of the pod of this rank; `namespaced`: the engine runs in a user namespace."""
    first = FIRST_USER_OF_NAMESPACE if namespaced else first_student(node)
    return first + rank % USERS_A_NODE


def is_student_of(node: str, user: int) -> bool:
    """Whether a user id is one of this node's pods'."""
    return 0 <= user - first_student(node) < USERS_A_NODE
