"""How many lines changes add and take, each distinct change of a file counted once, however many branches make it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from gitalign.core.names import Oid
from gitalign.core.pair_conflicts import FileVersion, PathChange
from gitalign.git.asking import absent, answered, cut_short
from gitalign.git.command import Git
from gitalign.git.quarantine import Quarantine

_AT_ONCE = 2_000
_READERS = 2
_TIMEOUT_S = 600.0
_SUBMODULE = b"160000"

Versions = tuple[FileVersion | None, FileVersion | None]
"""A file before and after; None where it is not there."""


class LineCount(NamedTuple):
    """Lines a change adds to and takes from one file; zero for a binary file."""

    added: int
    deleted: int


def versions_of(change: PathChange) -> Versions:
    """The change without its path."""
    return change.before, change.after


def count_lines(quarantine: Quarantine, changes: Iterable[Versions]) -> dict[Versions, LineCount]:
    """Lines of each change; one whose content is not in the repository is left out.

    All old versions are put into one tree and all new ones into another, so that git compares each pair once, in a few processes.

    Raises:
        GitError: anything but a missing object.

    Source: `git help mktree` (--missing), `git help diff-tree` (--numstat, -z).
    """
    wanted = list(dict.fromkeys(changes))
    chunks = [wanted[start : start + _AT_ONCE] for start in range(0, len(wanted), _AT_ONCE)]
    found: dict[Versions, LineCount] = {}
    git = quarantine.git
    with ThreadPoolExecutor(_READERS, thread_name_prefix="line-counts") as pool:
        for counted in pool.map(
            lambda chunk: answered(chunk, lambda asked: _counted(git, asked), lambda asked: _missing(git, asked), None),
            chunks,
        ):
            found.update(counted or {})
    return found


def _missing(git: Git, chunk: Sequence[Versions]) -> dict[Versions, Oid]:
    files = {
        versions: [Oid(one[1].decode("ascii")) for one in versions if one is not None and one[0] != _SUBMODULE]
        for versions in chunk
    }
    gone = absent(git, {oid for oids in files.values() for oid in oids})
    return {versions: lost for versions, oids in files.items() for lost in oids if lost in gone}


def _counted(git: Git, chunk: Sequence[Versions]) -> dict[Versions, LineCount]:
    words = (
        "diff-tree",
        "--numstat",
        "-z",
        "--no-renames",
        "--no-ext-diff",
        "--no-textconv",
        "--ignore-submodules=none",
    )
    trees = [_tree(git, [versions[side] for versions in chunk]) for side in (0, 1)]
    answer = git.run(*words, *trees, timeout_s=_TIMEOUT_S).stdout
    told: dict[Versions, LineCount] = {}
    for line in answer.split(b"\0"):
        if line:
            added, deleted, name = line.split(b"\t")
            told[chunk[int(name)]] = LineCount(_lines(added), _lines(deleted))
    # The same content under another mode is no line of output.
    silent = [one for one in chunk if one not in told]
    if any(_content(before) != _content(after) for before, after in silent):
        raise cut_short("diff-tree --numstat", len(told), len(chunk))
    return told | dict.fromkeys(silent, LineCount(0, 0))


def _content(version: FileVersion | None) -> bytes | None:
    return None if version is None else version[1]


def _tree(git: Git, versions: Sequence[FileVersion | None]) -> str:
    entries = [
        b"%b %b %b\t%d\0" % (mode, b"commit" if mode == _SUBMODULE else b"blob", oid, number)
        for number, version in enumerate(versions)
        if version is not None
        for mode, oid in (version,)
    ]
    made = git.run("mktree", "-z", "--missing", stdin=b"".join(entries), timeout_s=_TIMEOUT_S)
    return made.stdout.decode("ascii").strip()


def _lines(count: bytes) -> int:
    """git writes a dash for binary files."""
    return 0 if count == b"-" else int(count)
