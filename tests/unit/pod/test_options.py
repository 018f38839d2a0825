"""Options of frameworks: checked once, with a sentence that names the one that is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from bighost.pod.contract import ContractError, Option, check_options, frameworks

KNOWN = {
    "mapper": Option(str, "mapper.py", ""),
    "reducers": Option(int, 1, "", least=0, most=10),
    "ratio": Option(float, 0.5, ""),
}


def test_every_framework_has_options_with_defaults_in_range() -> None:
    assert "streaming" in frameworks()
    for options in frameworks().values():
        defaults = {name: option.default for name, option in options.items()}
        assert check_options(options, defaults) == check_options(options, {}) == defaults


def test_what_is_given_replaces_the_default() -> None:
    assert check_options(KNOWN, {"reducers": 0, "ratio": 2}) == {
        "mapper": "mapper.py",
        "reducers": 0,
        "ratio": 2.0,
    }


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"reducer": 1}, "option reducer is not known"),
        ({"reducers": True}, "option reducers: int is needed, not bool"),
        ({"reducers": 11}, "option reducers must be at most 10, not 11"),
        ({"mapper": None}, "option mapper: str is needed, not NoneType"),
    ],
)
def test_a_wrong_option_is_named(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ContractError, match=words):
        check_options(KNOWN, given)
