"""The merge of one file made again as `merge-tree` makes it, with the base shown.

`git merge-file` would not do: it compares by another algorithm (`merge-tree` by histogram, merge-ort.c, merge_start; `merge-file`
cannot be made to before 2.44), and gives other conflicts for about one file in five.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gitalign.core.names import Oid
from gitalign.git.asking import cut_short
from gitalign.git.command import Git, text
from gitalign.git.scratch import scratch_folder

_TIMEOUT_S = 120.0
_LONGEST_MARKER = 1_000
_LEAST_MARKER = 7
_NAME = "file"
_STYLE = (
    "merge.conflictStyle"  # read by merge-tree since there is --write-tree (merge-recursive.c, merge_recursive_config)
)


@dataclass(frozen=True, slots=True)
class Remade:
    """A conflicted file in two styles.

    Attributes:
        marked: as `merge-tree` leaves a conflict, but for its labels.
        labels: of ours and theirs in it.
        diff3: with the base, under markers longer than any line that looks like one, and labels of its own.
        diff3_labels: of ours, base and theirs.
        diff3_marker_size: characters of a marker there.
    """

    marked: bytes
    labels: tuple[bytes, bytes]
    diff3: bytes
    diff3_labels: tuple[bytes, bytes, bytes]
    diff3_marker_size: int


def merge_again(
    git: Git, *, ours: bytes, base: bytes, theirs: bytes, marker_size: int, object_format: str
) -> Remade | None:
    """Make the merge of a file again; None when it has no conflict, or cannot be distinguished from one.

    Everything is written into a repository of its own that is gone afterwards.

    Args:
        git: any.
        ours, base, theirs: contents.
        marker_size: characters of a marker in the first style.
        object_format: `sha1` or `sha256`.

    Raises:
        GitError, OutOfSpace

    Source: `git help merge-tree` (--write-tree), `git help fast-import` (get-mark), `git help gitattributes`
    (conflict-marker-size).
    """
    contents = (base, ours, theirs)
    size = _unlike(contents)
    if size > _LONGEST_MARKER:
        return None
    with scratch_folder("merge") as folder:
        own = replace(git, git_dir=str(folder), work_tree=None, variables={})
        _lay_out(folder, object_format)
        commits = _commits(own, contents)
        marked = _merged(own, commits, style="merge", marker_size=marker_size)
        diff3 = _merged(own, commits, style="diff3", marker_size=size)
    if marked is None or diff3 is None:
        return None
    names = [commit.encode("ascii") for commit in commits]
    # The base goes by as much of its id as tells it from others; no line of a side has a marker of that size.
    label = re.search(rb"^" + re.escape(b"|" * size) + rb" ([0-9a-f]+)\r?$", diff3, re.MULTILINE)
    if label is None or not names[0].startswith(label[1]):
        return None
    return Remade(marked, (names[1], names[2]), diff3, (names[1], label[1], names[2]), size)


def _unlike(contents: Sequence[bytes]) -> int:
    """A size of markers that nothing in the contents looks like."""
    runs = [len(run) for content in contents for run in re.findall(rb"={7,}|\|{7,}|<{7,}|>{7,}", content)]
    return max([_LEAST_MARKER, *(length + 1 for length in runs)])


def _lay_out(place: Path, object_format: str) -> None:
    for folder in ("objects/info", "objects/pack", "refs/heads", "info"):
        (place / folder).mkdir(parents=True)
    lines = ["[core]", f"\trepositoryformatversion = {0 if object_format == 'sha1' else 1}", "\tbare = true"]
    lines += [] if object_format == "sha1" else ["[extensions]", f"\tobjectFormat = {object_format}"]
    (place / "config").write_text("\n".join(lines) + "\n", encoding="ascii")
    (place / "HEAD").write_text("ref: refs/heads/main\n", encoding="ascii")


def _commits(git: Git, contents: Sequence[bytes]) -> list[Oid]:
    """A base and two commits on it; no one knows their ids beforehand, so they serve as labels."""
    stream = bytearray()
    for number, content in enumerate(contents, start=1):
        word = secrets.token_hex(16).encode("ascii")
        stream += b"commit refs/heads/%d\nmark :%d\ncommitter x <x@localhost> 0 +0000\n" % (number, number)
        stream += b"data %d\n%b\n" % (len(word), word)
        stream += b"from :1\n" if number > 1 else b""
        stream += b"M 100644 inline %b\ndata %d\n%b\n" % (_NAME.encode("ascii"), len(content), content)
        stream += b"get-mark :%d\n" % number
    stream += b"done\n"
    made = git.run("fast-import", "--quiet", "--done", stdin=bytes(stream), timeout_s=_TIMEOUT_S)
    commits = [Oid(line) for line in text(made.stdout).split()]
    if len(commits) != len(contents):
        raise cut_short("fast-import", len(commits), len(contents))
    return commits


def _merged(git: Git, commits: Sequence[Oid], *, style: str, marker_size: int) -> bytes | None:
    """The file as `merge-tree` leaves it; None when there is no conflict."""
    attributes = Path(git.git_dir) / "info" / "attributes"
    attributes.write_text(f"{_NAME} conflict-marker-size={marker_size}\n", encoding="ascii")
    own = replace(git, config=(*git.config, (_STYLE, style), ("merge.renormalize", "false")))
    asked = own.run("merge-tree", "--write-tree", commits[1], commits[2], accept=(0, 1), timeout_s=_TIMEOUT_S)
    if asked.returncode == 0:
        return None
    tree = text(asked.stdout).split("\n", 1)[0]
    return own.run("cat-file", "blob", f"{tree}:{_NAME}", timeout_s=_TIMEOUT_S).stdout
