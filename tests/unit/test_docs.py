"""The docs say what the code does: drawn pages are fresh, examples are real, named files and links exist."""

import re
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest

from bighost.job.state import DEADLINES, FINAL, State
from bighost.job.verdict import Verdict
from bighost.wire import messages as wire
from tools.docs import __main__ as docs
from tools.docs.examples import EXAMPLES
from tools.docs.source import lines

ROOT = Path(__file__).parents[2]
KINDS = [*typing.get_args(wire.FromNode), *typing.get_args(wire.FromCoordinator)]
PATH = ROOT / "docs" / "path-of-a-submission.md"
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]


@pytest.mark.parametrize("name", docs.PAGES)
def test_a_drawn_page_says_what_the_code_says(name: str) -> None:
    written = (ROOT / name).read_text(encoding="utf-8")

    assert written == docs.PAGES[name](), f"{name} is stale: run `make docs`"


def test_a_page_that_differs_from_the_code_is_found_and_written_again(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    docs.write(list(docs.PAGES), tmp_path)
    changed = tmp_path / "docs" / "states.md"
    changed.write_text(changed.read_text() + "And something else.\n")
    (tmp_path / "docs" / "verdicts.md").unlink()

    assert docs.stale(tmp_path) == ["docs/states.md", "docs/verdicts.md"]

    docs.write(docs.stale(tmp_path), tmp_path)
    assert docs.stale(tmp_path) == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_message_has_an_example(kind: type) -> None:
    assert kind in map(type, EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: type(example).__name__)
def test_an_example_survives_the_wire(example: wire.FromNode | wire.FromCoordinator) -> None:
    from_node = isinstance(example, typing.get_args(wire.FromNode))
    decode = wire.decode_from_node if from_node else wire.decode_from_coordinator

    assert decode(wire.encode(example)) == example


def test_every_state_verdict_and_refusal_is_on_its_page() -> None:
    def page(name: str) -> str:
        return (ROOT / "docs" / name).read_text(encoding="utf-8")

    assert all(f"| `{state}` |" in page("states.md") for state in State)
    assert all(f"| `{verdict}` | {verdict.given} |" in page("verdicts.md") for verdict in Verdict)
    assert all(f"| `{reason}` |" in page("protocol.md") for reason in wire.RefuseReason)


def test_every_state_that_can_be_left_has_a_deadline() -> None:
    assert set(DEADLINES) == set(State) - FINAL


def test_a_field_is_read_with_its_type_default_and_comment() -> None:
    class Sample:
        """Something to read."""

        first: int  # what it is for
        second: str = "a"

    assert lines(Sample) == [("first", "int", "", "what it is for"), ("second", "str", "'a'", "")]


def test_the_path_of_a_submission_has_ten_steps_that_each_name_a_file() -> None:
    steps = re.split(r"^## ", PATH.read_text(encoding="utf-8"), flags=re.M)[1:]

    assert [step.split(".")[0] for step in steps] == [str(n) for n in range(1, 11)]
    assert all(named_files(step) for step in steps)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_exist(page: Path) -> None:
    missing = [name for name in named_files(page.read_text(encoding="utf-8")) if not (ROOT / name).exists()]

    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    broken = [target for target in links(page) if not (page.parent / target).exists()]

    assert broken == []


def named_files(text: str) -> list[str]:
    """Paths of the repository that a page names as code, such as `src/bighost/errors.py`."""
    return re.findall(r"`((?:src|tests|tools|docs|examples|images)/[\w./-]*\w/?)`", text)


def links(page: Path) -> Iterator[str]:
    """Links to other files, without the anchor."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if not re.match(r"[a-z]+:|#", target):
            yield target.split("#")[0]
