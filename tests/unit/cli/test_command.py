"""The command line itself: what is no command is said so, and never called a fault of ours."""

from collections.abc import Iterable

import pytest

from bighost.__main__ import main
from bighost.cli.console import harmless
from bighost.cli.users import read_people
from bighost.errors import OperatorError
from bighost.node import images


@pytest.mark.parametrize(
    "args",
    [
        ["foo"],
        ["submit"],
        ["jobs"],
        ["jobs", "list", "--bogus"],
        ["jobs", "list", "--limit", "0"],
        ["jobs", "list", "--state", "bogus"],
        ["users", "add", "bob", "--role", "king"],
        ["node", "join"],
    ],
    ids=" ".join,
)
def test_a_command_line_that_cannot_be_is_a_usage_error(
    args: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(args) == 2
    assert "fault of BigHOST" not in "".join(capsys.readouterr())


def test_a_url_without_a_scheme_is_said_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--url", "localhost:9000", "--token", "x"]) == OperatorError.exit_code
    assert "http://localhost:9000" in capsys.readouterr().err


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("bighost ")


@pytest.mark.parametrize("hidden", ["\x1b[31m", "\x07", "\r", "\u202e", "\u200b", "\x9b"])
def test_what_would_steer_a_terminal_is_replaced(hidden: str) -> None:
    assert hidden[0] not in harmless(f"a{hidden}b")


def test_tabs_and_line_ends_stay() -> None:
    assert harmless("a\tb\n") == "a\tb\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("team\nreds\n", "line 1"),
        ("name,colour\nann,red\n", "line 1"),
        ("name,team\nann,reds\nbob,reds,extra\n", "line 3"),
        ("name,team\nann\n", "line 2"),
        ("name\nJürgen Müller\n", "line 2"),
        ("name,role\nann,king\n", "line 2"),
    ],
)
def test_a_class_list_that_is_not_right_is_refused_with_its_line(tmp_path, text: str, said: str) -> None:
    file = tmp_path / "class.csv"
    file.write_text(text)
    with pytest.raises(OperatorError, match=said):
        read_people(file)


def test_a_class_list_is_read(tmp_path) -> None:
    file = tmp_path / "class.csv"
    file.write_text("\ufeffName, Team ,email\nann,reds,a@x\nbob,,\n")
    assert [(p.name, p.team, p.email) for p in read_people(file)] == [("ann", "reds", "a@x"), ("bob", "", "")]


@pytest.mark.parametrize(
    ("args", "built"),
    [
        ([], ["streaming"]),
        (["spark"], ["spark"]),
        (["--all"], ["base", "hadoop", "hadoop-yarn", "kafka", "spark", "streaming"]),
    ],
)
def test_images_that_need_more_than_docker_are_built_when_asked_for(
    monkeypatch: pytest.MonkeyPatch, args: list[str], built: list[str]
) -> None:
    asked: list[str] = []

    def build(names: Iterable[str], **_: object) -> tuple[str, ...]:
        asked.extend(names)
        return ()

    monkeypatch.setattr(images, "build", build)
    assert main(["images", "build", *args]) == 0
    assert sorted(asked) == built
