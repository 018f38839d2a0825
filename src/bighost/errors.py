"""Every error that reaches a person, split by blame; each has an exit code, one sentence and one hint.

    BigHostError
    ├── Ours               70  a bug or a fault of BigHOST itself
    │   └── StoreFault     74  the store can't keep what it is given (disk full, file damaged)
    ├── OperatorError      78  whoever runs the coordinator or a node has to change something
    │   ├── RuntimeFault   69  pods can't run on this machine (engine gone, image missing, ...)
    │   └── Refused        77  the coordinator doesn't want this node, token or person
    ├── AssignmentError    65  course staff: the assignment's folder is not right
    ├── StudentError       66  the hand-in can't be taken as it is
    └── NetworkError       75  nobody answers, or not in our language; trying again may help
        └── WireError      76  bytes that are no message of ours

0 means done or passed, 1 that a submission did not pass, 2 that the command line itself is wrong
(Typer's own), 130 that Ctrl-C was pressed. The numbers from 64 on follow BSD's sysexits(3).
"""

from __future__ import annotations

from typing import ClassVar


class BigHostError(Exception):
    """Something that a person has to know. The class says whose fault it is."""

    exit_code: ClassVar[int] = 70
    blame: ClassVar[str] = "ours"

    def __init__(self, message: str = "", *, hint: str = "") -> None:
        """`message`: one sentence on what happened; `hint`: one on what to do, may be empty."""
        super().__init__(message or (self.__doc__ or "").strip().splitlines()[0])
        self.hint = hint

    @property
    def message(self) -> str:
        """The sentence that says what happened."""
        return str(self.args[0])


class Ours(BigHostError):
    """BigHOST itself failed."""

    exit_code = 70
    blame = "ours"


class StoreFault(Ours):
    """The store can't keep what it is given."""

    exit_code = 74


class OperatorError(BigHostError):
    """The machine or its configuration needs a change."""

    exit_code = 78
    blame = "operator"


class RuntimeFault(OperatorError):
    """Pods can't run on this machine."""

    exit_code = 69


class Refused(OperatorError):
    """The coordinator refuses."""

    exit_code = 77


class AssignmentError(BigHostError):
    """The assignment's folder is not right."""

    exit_code = 65
    blame = "staff"


class StudentError(BigHostError):
    """The hand-in can't be taken as it is."""

    exit_code = 66
    blame = "student"


class NetworkError(BigHostError):
    """Nobody answers."""

    exit_code = 75
    blame = "network"


class WireError(NetworkError):
    """These bytes are no message of ours."""

    exit_code = 76
