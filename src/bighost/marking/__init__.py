"""From output to verdict: how what a program wrote is held against the answer.

A run that the pod calls ok leaves part files, `part-00000` and so on; the answer is one file. Both are
iterables of parts, in name order, each an iterable of blocks of bytes: nothing here opens a file.

1. `digest` makes one digest of an output under the assignment's comparator. It is taken where the output
   lies. Where it equals `Answer.normalised`, the output is right and need not travel.
2. Else the output travels, and `judge` compares it with the answer: it gives the verdict and the first
   `Difference`, which has a sentence for staff and one, without the answer, for students.

A run that ended otherwise is not compared: `verdict_of` turns the pod's word into its verdict.

When two outputs are equal:

- `exact`: the parts, one after the other, are the same bytes.
- `lines`: the same lines, each as often, in any order and spread over the parts in any way.
- `keyed`: the same keys, each once, whose values have the same columns: the same bytes, or two numbers that
  are the same or within the tolerance. NaN equals nothing.

In `lines` and `keyed` a line's end is not part of it ("\\n", "\\r\\n", or the end of its part), nor is the
separator of a line that has a key only: Hadoop writes `key\\t` where a plain pipe writes `key`.
"""

from bighost.marking.compare import check_answer, compare
from bighost.marking.difference import Difference, Kind
from bighost.marking.digest import Normaliser, normalised
from bighost.marking.judge import Judgement, judge, verdict_of
from bighost.marking.lines import Parts

__all__ = [
    "Difference",
    "Judgement",
    "Kind",
    "Normaliser",
    "Parts",
    "check_answer",
    "compare",
    "judge",
    "normalised",
    "verdict_of",
]
