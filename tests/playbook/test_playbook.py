"""The playbook itself: a play that is not finished, or not true, fails."""

from __future__ import annotations

import pytest
from cast import joined, pulled, submitted

from bighost.coordinator import commands as do
from bighost.job.state import State
from playbook import REST, SAVES, Playbook, batch, check_saves_first, saved, welcome


def test_a_play_reads_in_order() -> None:
    with Playbook() as play:
        play >> joined("n1") << welcome("n1")
        play >> pulled("n1")
        play >> submitted("j1")
        play << saved("j1", State.WAITING) << saved("j1", State.LEASED) << batch("n1", "j1")


def test_commands_that_nobody_expects_fail_the_next_event() -> None:
    with Playbook() as play:
        play >> joined("n1")
        with pytest.raises(AssertionError, match=r"nobody expected.*SendWelcome"):
            play >> submitted("j1")
        play << REST


def test_commands_that_nobody_expects_fail_the_end_of_the_play() -> None:
    with pytest.raises(AssertionError, match="nobody expected"), Playbook() as play:
        play >> joined("n1")


def test_a_play_outside_a_with_block_can_not_be_forgotten() -> None:
    with pytest.raises(AssertionError, match="with"):
        Playbook() >> joined("n1")


def test_another_kind_another_field_and_nothing_at_all_fail() -> None:
    with Playbook() as play:
        with pytest.raises(AssertionError, match="expected SendBatch, got SendWelcome"):
            play >> joined("n1") << batch("n1", "j1")
        with pytest.raises(AssertionError, match=r"Save\.job\.state"):
            play >> submitted("j1") << saved("j1", State.LEASED)
        with pytest.raises(AssertionError, match="none left"):
            play >> pulled("nobody") << SAVES


def test_the_error_of_a_play_is_not_hidden_by_what_is_left() -> None:
    def broken() -> None:
        with Playbook() as play:
            play >> joined("n1")
            play.job("no such job")

    with pytest.raises(KeyError):
        broken()


def test_something_said_before_it_is_saved_breaks_the_law() -> None:
    with Playbook() as play:
        play.quietly(submitted("j1"))
        save = do.Save(job=play.job("j1"), at=0)
    with pytest.raises(AssertionError, match="before it is saved"):
        check_saves_first([do.SendWelcome(node="n1"), save])
