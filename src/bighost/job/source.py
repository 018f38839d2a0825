"""Whether Python will take a file: its bytes decoded as `python3 FILE` decodes them, and then compiled.

The version that compiles is the one that runs BigHOST, not the pod's; both are 3.11 or later.
"""

from __future__ import annotations

import ast
import io
import re
import threading
import tokenize
import warnings
from typing import Any

from bighost.job.excerpt import excerpt
from bighost.job.finding import Finding

_LONE_CR = re.compile("\r(?!\n)")
_SAVE_AS_UTF8 = "Save it as UTF-8."
_COMPILING = threading.Lock()
"""`warnings.catch_warnings` changes the whole process and is not made for threads."""


def decode(file: str, data: bytes) -> str | Finding:
    """The text of a Python file, or why Python couldn't read it.

    By the byte order mark and the coding cookie of PEP 263, UTF-8 without; every byte counts, comments too.
    Line ends may be "\\n" or "\\r\\n". A lone "\\r" is refused: Python ends a line there, most editors don't,
    so that code could hide behind a comment.
    """
    if b"\0" in data:
        line = data[: data.index(b"\0")].count(b"\n") + 1
        return Finding(file=file, line=line, reason="a NUL byte: this is no text", hint=_SAVE_AS_UTF8)
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        return _undecodable(file, error)
    except (SyntaxError, LookupError, UnicodeError) as error:
        return _bad_cookie(file, data, error)
    cr = _LONE_CR.search(text)
    if cr is not None:
        line = text.count("\n", 0, cr.start()) + 1
        hint = "Save it with line ends of Unix or Windows."
        return Finding(file=file, line=line, reason="a carriage return without a line feed", hint=hint)
    return text


def compile_source(file: str, text: str) -> Finding | None:
    """Why `text` doesn't compile, or None. Nothing of it is run, and no warning leaves this function."""
    try:
        _compile(file, text)
    except SyntaxError as error:
        return _syntax_error(file, text, error)
    except (RecursionError, MemoryError):
        return Finding(file=file, reason="it is nested too deeply for Python to compile")
    except (ValueError, OverflowError) as error:
        return Finding(file=file, reason=f"Python can't compile it: {excerpt(str(error))}")
    return None


def parse(file: str, text: str) -> ast.Module | Finding:
    """The syntax tree of a file that compiles, or the reason why it has none."""
    try:
        tree = _compile(file, text, ast.PyCF_ONLY_AST)
    except (RecursionError, MemoryError):
        return Finding(file=file, reason="it is nested too deeply for Python to parse")
    assert isinstance(tree, ast.Module)
    return tree


def _compile(file: str, text: str, flags: int = 0) -> Any:
    with _COMPILING, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # A SyntaxError quotes its line from the file of this name in the current folder, if there is one:
        # that would be a line of somebody else's.
        return compile(text, f"<{file} of the hand-in>", "exec", flags, dont_inherit=True)


def _undecodable(file: str, error: UnicodeDecodeError) -> Finding:
    start = error.object[: error.start]
    line, column = start.count(b"\n") + 1, error.start - start.rfind(b"\n")
    reason = f"byte 0x{error.object[error.start]:02x} is not {error.encoding.upper()}, in comments neither"
    hint = f"{_SAVE_AS_UTF8} Or name its encoding in the first line: # coding: latin-1"
    return Finding(file=file, line=line, column=column, reason=reason, hint=hint)


def _bad_cookie(file: str, data: bytes, error: Exception) -> Finding:
    """What `tokenize` complains of is the cookie, or bad UTF-8 in the lines where it looks for one."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as bad:
        return _undecodable(file, bad)
    return Finding(file=file, reason=f"Python can't decode it: {excerpt(str(error))}", hint=_SAVE_AS_UTF8)


def _syntax_error(file: str, text: str, error: SyntaxError) -> Finding:
    lines = io.StringIO(text).readlines()
    line = lines[error.lineno - 1].strip() if error.lineno and error.lineno <= len(lines) else ""
    where = f" in '{excerpt(line)}'" if line else ""
    reason = f"{type(error).__name__}: {excerpt(error.msg)}{where}"
    column = error.offset if error.offset and error.offset > 0 else None
    return Finding(file=file, line=error.lineno, column=column, reason=reason)
