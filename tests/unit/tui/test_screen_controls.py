"""What keys and news make of a screen."""

import pytest
from msgspec.structs import replace

from bighost.tui import controls
from bighost.tui.controls import Leave, Read
from bighost.tui.keys import Named
from bighost.tui.panes import listed
from bighost.tui.screen import Page, Pane, Screen, Sheet, Size, Subject
from tests.unit.tui.clusters import busy, job, node, screen, status, text, typed

LOG = Subject(kind=Pane.NODES, id="core-1", name="core-1")


def sheet(lines: int = 90, subject: Subject | None = LOG) -> Sheet:
    page = Page("executor", tuple(f"line {n}" for n in range(lines)))
    return Sheet(title="log", pages=(page, Page("sys", ("one", "two"))), subject=subject)


def chosen(at: Screen) -> str:
    return at.places[at.focus].key


@pytest.mark.parametrize("key", ["q", "Q", Named.INTERRUPT])
def test_leaving(key: Named | str) -> None:
    assert typed(screen(), key)[1] == Leave()


def test_while_a_search_is_typed_q_is_a_letter_and_ctrl_c_still_leaves() -> None:
    at, wish = typed(screen(), "/", "q")

    assert (at.search, wish) == ("q", None)
    assert typed(at, Named.INTERRUPT)[1] == Leave()


def test_the_focus_goes_round() -> None:
    at = screen()
    seen = []
    for _ in Pane:
        at, _ = typed(at, Named.TAB)
        seen.append(at.focus)

    assert seen == [Pane.QUEUE, Pane.RUNNING, Pane.LATEST, Pane.NODES]
    assert typed(screen(), Named.BACK_TAB)[0].focus is Pane.LATEST
    assert typed(screen(), "3")[0].focus is Pane.RUNNING


def test_moving_stops_at_both_ends() -> None:
    at, _ = typed(screen(), Named.UP)
    assert at.places[Pane.NODES].row == 0
    at, _ = typed(at, "G")
    assert chosen(at) == "key-of-lab-08"
    assert typed(at, "j")[0] == at
    assert chosen(typed(at, Named.HOME)[0]) == "key-of-core-1"


def test_a_page_is_what_is_seen() -> None:
    at, _ = typed(screen(), "4", "z")

    assert typed(at, Named.PAGE_DOWN)[0].places[Pane.LATEST].row == 17
    assert typed(at, Named.PAGE_DOWN, Named.PAGE_UP)[0].places[Pane.LATEST].row == 0


def test_a_chosen_row_is_followed_where_a_sort_or_news_take_it() -> None:
    at, _ = typed(screen(), "j")
    assert chosen(at) == "key-of-core-2"

    at, _ = typed(at, *"ssss")  # by memory: core-2 has the most
    assert listed(at, Pane.NODES)[0].name == "core-2"
    assert (chosen(at), at.places[Pane.NODES].row) == ("key-of-core-2", 0)

    at, _ = typed(at, "S")
    assert listed(at, Pane.NODES)[-1].name == "core-2"


def test_a_row_that_is_gone_leaves_its_place_to_the_next() -> None:
    at, _ = typed(screen(), "G")

    at, _ = controls.news(at, replace(busy(), nodes=busy().nodes[:2]))

    assert (chosen(at), at.places[Pane.NODES].row) == ("key-of-core-2", 1)
    at, _ = controls.news(at, status())
    assert (chosen(at), typed(at, Named.ENTER)[1]) == ("", None)


def test_the_first_row_stays_chosen_when_something_comes_before_it() -> None:
    at, _ = typed(screen(), "3")
    at, _ = controls.news(at, replace(busy(), running=(job("new"), *busy().running)))

    assert chosen(at) == "new"


def test_a_search_finds_words_in_any_case_and_escape_shows_all_again() -> None:
    at, _ = typed(screen(), *"/BLUES", Named.BACKSPACE, Named.ENTER)

    assert [j.team for j in listed(at, Pane.RUNNING)] == ["blues"]
    assert listed(at, Pane.NODES) == []
    assert len(listed(typed(at, Named.ESCAPE)[0], Pane.RUNNING)) == 4


def test_enter_on_an_assignment_searches_for_it() -> None:
    at, _ = typed(screen(), "2", "j", Named.ENTER)

    assert at.search == "flights"
    assert [j.assignment for j in listed(at, Pane.RUNNING)] == ["flights"]


def test_enter_asks_for_a_log_or_a_story() -> None:
    assert typed(screen(), Named.ENTER)[1] == Read(LOG)
    wish = typed(screen(), "4", "j", Named.ENTER)[1]
    assert isinstance(wish, Read)
    assert (wish.subject.id, wish.subject.kind) == ("1" * 16, Pane.RUNNING)


def test_a_sheet_opens_at_its_end_and_follows_it() -> None:
    at = controls.opened(screen(), sheet())
    assert "line 89" in text(at)

    at = controls.opened(at, sheet(95))
    assert "line 94" in text(at)


def test_a_sheet_that_was_scrolled_back_stays_where_it_is_read() -> None:
    at, _ = typed(controls.opened(screen(), sheet()), Named.HOME, "j")

    at = controls.opened(at, sheet(95))

    assert "line 1\n" in text(at)
    assert "line 0\n" not in text(at)


def test_a_sheets_other_page_and_the_way_back() -> None:
    at, _ = typed(controls.opened(screen(), sheet()), Named.RIGHT)
    assert "  two" in text(at)
    assert "line 89" in text(typed(at, Named.LEFT)[0])
    assert typed(at, Named.ESCAPE)[0].sheet is None


def test_news_read_an_open_sheet_again_but_not_the_help() -> None:
    at = controls.opened(screen(), sheet())

    assert controls.news(at, busy())[1] == Read(LOG)
    assert controls.news(typed(screen(), "?")[0], busy())[1] is None


def test_a_sheet_that_comes_after_the_person_went_on_is_not_forced_on_them() -> None:
    at, _ = typed(screen(), "?")

    assert controls.opened(at, sheet()) == at


def test_paused_time_stands_still_and_the_newest_news_are_shown_afterwards() -> None:
    at, _ = typed(screen(), "p")
    later = controls.later(controls.news(at, status(nodes=(node("late"),)))[0], 5.0)
    assert text(later) == text(at)

    at, _ = typed(later, "p")
    assert [n.name for n in listed(at, Pane.NODES)] == ["late"]


def test_ages_grow_between_snapshots() -> None:
    assert "4.2s" in text(controls.later(screen(), 3.0))


def test_a_lost_coordinator_is_told_until_it_is_heard_again() -> None:
    at = controls.lost(screen(), "connection refused")
    assert "reconnecting… connection refused" in text(at)

    assert "● live" in text(controls.news(at, busy())[0])


def test_a_sheet_keeps_within_another_size() -> None:
    at = controls.resized(controls.opened(screen(), sheet()), Size(100, 60))

    assert "line 89" in text(at)
    assert "line 40" in text(at)
