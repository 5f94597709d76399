"""Names: object ids, branches, targets, runs, and the file and ref names derived from them.

Branch names are `str`; bytes that are not UTF-8 are carried by surrogateescape and made visible by `display`.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from typing import NewType

Oid = NewType("Oid", str)
"""A full object id in lower-case hex (40 or 64 digits)."""

BranchName = NewType("BranchName", str)
"""A branch without `refs/heads/`."""

TargetName = NewType("TargetName", str)
"""The branch name of a primary branch."""

RunId = NewType("RunId", str)
"""`YYYYMMDD-HHMMSS-xxxxxx`, sortable by time."""

StepId = NewType("StepId", int)
"""Position of a step in its plan, from 0."""

HEADS = "refs/heads/"
REMOTES = "refs/remotes/"
PIN_PREFIX = "refs/gitalign/runs/"
CANDIDATES_PREFIX = "refs/gitalign/candidates/"
"""Of refs that name a result while a caller's tools look at it: `<prefix><YYYYMMDD-HHMMSS-xxxxxx>/<branch>`."""
RESOLUTIONS_REF = "refs/gitalign/resolutions"
WIP_PREFIX = "refs/gitalign/wip/"
"""Of refs that hold what tasks of batches have not committed: `<prefix><batch>/<task>`."""
BATCH_PREFIX = "refs/gitalign/batch/"
"""Of refs that hold the results of tasks: `<prefix><batch>/<task>`."""


def ref_of(branch: str) -> str:
    """Full ref name of a branch, so that a name such as `-x` is never read as an option."""
    return HEADS + branch


def branch_of(ref: str) -> BranchName:
    """Branch name of a full ref under `refs/heads/`.

    Raises:
        ValueError: when the ref is not a branch.
    """
    if not ref.startswith(HEADS):
        raise ValueError(f"not a branch ref: {ref!r}")
    return BranchName(ref[len(HEADS) :])


def is_zero(oid: str) -> bool:
    """True for the all-zero id with which git says 'no object'."""
    return bool(oid) and not oid.strip("0")


def zero_like(oid: str) -> Oid:
    """The all-zero id of the same hash length."""
    return Oid("0" * len(oid))


def display(name: str) -> str:
    """A name fit for a terminal: undecodable bytes and control characters as `\\xNN`."""
    if name.isascii() and name.isprintable():
        return name
    out: list[str] = []
    for char in name:
        code = ord(char)
        if 0xDC80 <= code <= 0xDCFF:
            out.append(f"\\x{code - 0xDC00:02x}")
        elif (
            code < 0x20
            or 0x7F <= code < 0xA0
            or 0x200B <= code <= 0x200F
            or 0x202A <= code <= 0x202E
            or 0x2066 <= code <= 0x2069
            or code in (0xAD, 0x61C, 0x2028, 0x2029, 0xFEFF)
            or 0xD800 <= code <= 0xDFFF
            or 0xE0000 <= code <= 0xE007F
        ):
            out.append(f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")
        else:
            out.append(char)
    return "".join(out)


def shell_word(name: str) -> str:
    """A name as one word of a POSIX shell; where it holds what a terminal must not be shown, in the form `$'...'` of bash, zsh and ksh."""
    if display(name) == name:
        return shlex.quote(name)
    raw = name.encode("utf-8", "surrogateescape")
    told = "".join(
        chr(byte)
        if 0x20 <= byte < 0x7F and byte not in b"'\\"
        else f"\\x{byte:02x}"
        if byte not in b"'\\"
        else "\\" + chr(byte)
        for byte in raw
    )
    return f"$'{told}'"


def command_on(words: str, name: str) -> str:
    """A command with a name as its last argument, fit to be pasted into a shell: a name such as `-x` or `$(x)` stays a name."""
    return f"{words} {'-- ' if name.startswith('-') else ''}{shell_word(name)}"


_FORBIDDEN_IN_NAMES = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]")


def name_fault(branch: str) -> str | None:
    """What keeps a text from being a branch name, in words that follow "the name"; None when nothing does.

    Source: `git help check-ref-format`, rules 1 to 10 for `refs/heads/<branch>`. A leading dash or the name HEAD is no
    fault here: such refs can exist.
    """
    if not branch:
        return "is empty"
    found = _FORBIDDEN_IN_NAMES.search(branch)
    if found:
        return f"holds {'a space' if found.group() == ' ' else repr(found.group())}"
    for sign in ("..", "@{", "//"):
        if sign in branch:
            return f"holds {sign}"
    if branch.startswith("/") or branch.endswith(("/", ".")):
        return "begins with / or ends with / or ."
    for part in branch.split("/"):
        if part.startswith(".") or part.endswith(".lock"):
            return "has a part that begins with . or ends with .lock"
    return None


def new_name_fault(branch: str) -> str | None:
    """What keeps a branch of that name from being made; None when nothing does.

    Source: `git help check-ref-format` (--branch), and `git branch`: no leading dash, and not HEAD.
    """
    if branch.startswith("-"):
        return "begins with -"
    return "is HEAD" if branch == "HEAD" else name_fault(branch)


_A_RUN = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{6}")


def is_run_id(word: str) -> bool:
    """True for a text that can be the id of a run. Ids name folders and refs: what is read is checked before it is used."""
    return _A_RUN.fullmatch(word) is not None


def file_name_for(branch: str, *, limit: int = 120) -> str:
    """A file name for a branch: letters, digits, `._-`, unique by a digest when anything was changed.

    Args:
        branch: any branch name.
        limit: longest result in characters.
    """
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", branch).lstrip(".-")
    if safe == branch and len(safe) <= limit:
        return safe
    digest = hashlib.sha256(branch.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return f"{safe[: limit - 9] or 'branch'}-{digest}"


LONGEST_PART_BYTES = 250
"""Of a part of a ref's name between slashes: it is a file name (255 bytes on nearly every file system), and so is its `.lock`."""
_LONGEST_NAME_BYTES = 2_000


def backup_name(branch: str, *, prefix: str = "backup", suffix: str = "") -> BranchName:
    """Name of the backup branch of `branch`: `<prefix>-<branch>-pre-align<suffix>`.

    Where git could not store that name because it is too long, parts of the branch's name are cut, and a digest of it is added.
    """
    whole = f"{prefix}-{branch}-pre-align{suffix}"
    if _can_be_stored(whole):
        return BranchName(whole)
    digest = hashlib.sha256(branch.encode("utf-8", "surrogateescape")).hexdigest()[:12]
    room = LONGEST_PART_BYTES - len(f"{prefix}--{digest}-pre-align{suffix}".encode())
    short = "/".join(_cut(part, room) for part in branch.split("/"))
    if len(short.encode("utf-8", "surrogateescape")) > _LONGEST_NAME_BYTES:
        short = _cut(branch.replace("/", "-"), room)
    return BranchName(f"{prefix}-{short}-{digest}-pre-align{suffix}")


def _can_be_stored(name: str) -> bool:
    parts = [len(part.encode("utf-8", "surrogateescape")) for part in name.split("/")]
    return max(parts) <= LONGEST_PART_BYTES and sum(parts) + len(parts) <= _LONGEST_NAME_BYTES


def _cut(part: str, most_bytes: int) -> str:
    """The beginning of a name, whole characters only, and not ending in what git allows at no end."""
    kept, size = 0, 0
    for char in part:
        size += len(char.encode("utf-8", "surrogateescape"))
        if size > most_bytes:
            break
        kept += 1
    return part[:kept].removesuffix(".lock").rstrip(".") if kept < len(part) else part


def is_backup_name(branch: str, *, prefix: str = "backup") -> bool:
    """True for names that `backup_name` makes, with or without a run id behind them."""
    return re.fullmatch(rf"{re.escape(prefix)}-.+-pre-align(-\d{{8}}-\d{{6}}-[0-9a-f]{{6}})?", branch) is not None


def paths_meant(path: str) -> frozenset[str]:
    """A path of a conflict, and those it may stand for where git invented it to keep two sides apart (`file~HEAD`)."""
    return frozenset(path[:at] for at, sign in enumerate(path) if sign == "~" and at) | {path}
