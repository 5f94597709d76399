"""Attribute files of a commit, so that a merge follows the target's rules wherever one stands.

`merge-tree` reads `.gitattributes` from the work tree (`git help gitattributes`), that is from whatever happens to be
checked out; the quarantine gives it a work tree made of these files alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gitalign.core.names import Oid
from gitalign.errors import GitError
from gitalign.git.asking import cut_short, retried
from gitalign.git.command import Git, raw, text

AttributeFiles = tuple[tuple[str, bytes], ...]
_MARKER_SIZE, _MARKER_SIZE_ATTRIBUTE = 7, b"conflict-marker-size"
# Attribute -> values under which a file is plain text; a driver that no configuration of ours defines may be defined elsewhere.
_SPECIAL = {
    b"merge": (b"unspecified", b"set", b"text"),
    b"filter": (b"unspecified", b"unset"),
    b"working-tree-encoding": (b"unspecified", b"unset"),
}
_LARGEST_BYTES = 100 * 1024 * 1024  # git itself ignores larger attribute files


def read_attributes(git: Git, commit: Oid, *, timeout_s: float = 120.0) -> AttributeFiles:
    """Every `.gitattributes` in a commit's tree.

    Args:
        git: git that sees the commit.
        commit: id of a commit or tree.

    Returns:
        (path, content) sorted by path; symbolic links are left out, as git ignores them.
    """
    listed = retried(lambda: git.run("ls-tree", "-r", "-z", "--full-tree", commit, timeout_s=timeout_s)).stdout
    if listed and not listed.endswith(b"\0"):
        raise GitError(f"git ls-tree: the answer on {commit} ends within a line", hint="run again")
    found: list[tuple[str, str]] = []
    for entry in listed.split(b"\0"):
        if not entry.endswith(b".gitattributes"):
            continue
        meta, _, path = entry.partition(b"\t")
        mode, _, oid = meta.split(b" ")
        if _is_attribute_file(path) and mode in (b"100644", b"100755"):
            found.append((text(path), oid.decode("ascii")))
    files: list[tuple[str, bytes]] = []
    for name, blob in sorted(found):
        content = retried(lambda blob=blob: git.run("cat-file", "blob", blob, timeout_s=timeout_s)).stdout  # type: ignore[misc]
        if len(content) <= _LARGEST_BYTES:
            files.append((name, content))
    return tuple(files)


@dataclass(frozen=True, slots=True)
class MergedAs:
    """How one file is merged.

    Attributes:
        marker_size: characters of a conflict marker.
        is_plain: as text, its content in a work tree being the one that is stored but for line ends: no driver, no filter and no
            encoding is declared for it.
    """

    marker_size: int = _MARKER_SIZE
    is_plain: bool = True


def merged_as(
    bench: Git, attributes: AttributeFiles, paths: Sequence[str], *, timeout_s: float = 120.0
) -> dict[str, MergedAs]:
    """How files are merged, by path.

    Args:
        bench: git of a quarantine whose work tree holds the attribute files.
        attributes: the same files; git is asked only when one of them, or the repository's own, has a word on it.
        paths: of files.

    Source: `git help check-attr` (-z, --stdin); merge-ll.c, ll_merge_marker_size.
    """
    own = Path(bench.git_dir) / "info" / "attributes"
    named = [content for _, content in attributes] + ([own.read_bytes()] if own.is_file() else [])
    found = dict.fromkeys(paths, MergedAs())
    if any(word in content for content in named for word in (_MARKER_SIZE_ATTRIBUTE, *_SPECIAL, b"binary")):
        asked = b"".join(raw(path) + b"\0" for path in paths)
        words = ("check-attr", "-z", "--stdin", *(one.decode("ascii") for one in (_MARKER_SIZE_ATTRIBUTE, *_SPECIAL)))
        fields = bench.run(*words, stdin=asked, cwd=bench.work_tree, timeout_s=timeout_s).stdout.split(b"\0")
        if len(fields) != 3 * (1 + len(_SPECIAL)) * len(paths) + 1:
            raise cut_short("check-attr", len(fields) // 3, (1 + len(_SPECIAL)) * len(paths))
        for name, attribute, value in zip(fields[0:-1:3], fields[1::3], fields[2::3], strict=True):
            path = text(name)
            if attribute == _MARKER_SIZE_ATTRIBUTE:
                if value.isdigit() and int(value) > 0:
                    found[path] = replace(found[path], marker_size=int(value))
            elif value not in _SPECIAL[attribute]:
                found[path] = replace(found[path], is_plain=False)
    return found


def _is_attribute_file(path: bytes) -> bool:
    """True for an attribute file at a place git would check out.

    A crafted tree can hold names like `..` or `.git`; git refuses to check them out (read-cache.c, verify_path), so
    attributes there count nowhere, and writing them out would climb out of the quarantine.
    """
    *folders, name = path.split(b"/")
    return name == b".gitattributes" and not any(
        part in (b"", b".", b"..") or part.lower() == b".git" for part in folders
    )
