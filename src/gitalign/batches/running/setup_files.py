"""What a set-up depends on in a commit: the entries of its `files`, which name their contents."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import pathspec

from gitalign.core.names import Oid
from gitalign.core.path_overlap import has_wildcard
from gitalign.git.asking import retried
from gitalign.git.command import Git


def entries_of(git: Git, base: Oid, patterns: Sequence[str]) -> Mapping[str, bytes | None]:
    """Pattern -> entries of the files in a commit that it names; None where there is none.

    A path is itself, also where it has signs of a pattern in it. One with a wildcard besides names every file that it
    matches as in a `.gitignore`.

    Raises:
        GitError: that is not known; a tree that was prepared for a commit without the file must not pass for this one's.
    """
    wild = [pattern for pattern in patterns if has_wildcard(pattern)]
    every = _all_entries(git, base) if wild else {}
    return {
        pattern: b"".join(
            [
                entry_of(git, base, pattern) or b"",
                *(_matching(every, pattern) if pattern in wild else ()),
            ]
        )
        or None
        for pattern in patterns
    }


def entry_of(git: Git, base: Oid, path: str) -> bytes | None:
    """The entry of a file in a commit, which names its contents; None where the commit has no such file.

    Raises:
        GitError: see `entries_of`.
    """
    plain = os.path.normpath(path)
    if os.path.isabs(plain) or plain.split("/")[0] in (".", ".."):
        return None
    return retried(lambda: git.run("ls-tree", "-z", "--full-tree", base, "--", plain)).stdout or None


def _all_entries(git: Git, base: Oid) -> dict[str, bytes]:
    """Path -> entry of every file in a commit."""
    listed = retried(lambda: git.run("ls-tree", "-r", "-z", "--full-tree", base)).stdout
    entries = (entry for entry in listed.split(b"\0") if entry)
    return {os.fsdecode(entry.partition(b"\t")[2]): entry + b"\0" for entry in entries}


def _matching(every: Mapping[str, bytes], pattern: str) -> list[bytes]:
    spec = pathspec.GitIgnoreSpec.from_lines([pattern])
    return [entry for path, entry in every.items() if spec.match_file(path)]
