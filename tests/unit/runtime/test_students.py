"""No two pods of a machine share a user."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bighost.node.runtime.students import USERS_A_NODE, is_student_of, student_of

ranks = st.integers(0, USERS_A_NODE - 1)


@given(st.text(), st.lists(ranks, unique=True))
def test_pods_of_a_node_have_users_of_their_own(node: str, some: list[int]) -> None:
    users = {student_of(node, rank) for rank in some}
    assert len(users) == len(some)
    assert all(is_student_of(node, user) and 1 << 16 < user < 1 << 31 for user in users)


def test_nodes_have_ranges_of_their_own() -> None:
    assert not is_student_of("one", student_of("another", 0))


@pytest.mark.parametrize("rank", [0, USERS_A_NODE - 1])
def test_in_a_user_namespace_the_user_fits_into_it(rank: int) -> None:
    assert 65_000 < student_of("node", rank, namespaced=True) < 65_534
