"""An assignment as course staff keep it: a folder with `assignment.toml` and the files that it names.

`read` makes an `Assignment` of it, with every dataset and answer found, generated and digested; what is not
right raises AssignmentError with file and line. `new` writes a folder to start from. The format is described
in `docs/assignments.md`; `keys` is its list of keys.
"""

from bighost.folder.files import normalised_answer
from bighost.folder.handin import read_handin
from bighost.folder.reader import Folder, Sample, read, samples
from bighost.folder.template import new

__all__ = ["Folder", "Sample", "new", "normalised_answer", "read", "read_handin", "samples"]
