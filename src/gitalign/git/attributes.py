"""Attribute files of a commit, so that a merge follows the target's rules wherever one stands.

`merge-tree` reads `.gitattributes` from the work tree (`git help gitattributes`), that is from whatever happens to be
checked out; the quarantine gives it a work tree made of these files alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gitalign.core.names import Oid
from gitalign.git.command import Git, raw, text

AttributeFiles = tuple[tuple[str, bytes], ...]
_MARKER_SIZE, _MARKER_SIZE_ATTRIBUTE = 7, b"conflict-marker-size"
_LARGEST_BYTES = 100 * 1024 * 1024  # git itself ignores larger attribute files


def read_attributes(git: Git, commit: Oid, *, timeout_s: float = 120.0) -> AttributeFiles:
    """Every `.gitattributes` in a commit's tree.

    Args:
        git: git that sees the commit.
        commit: id of a commit or tree.

    Returns:
        (path, content) sorted by path; symbolic links are left out, as git ignores them.
    """
    listed = git.run("ls-tree", "-r", "-z", "--full-tree", commit, timeout_s=timeout_s).stdout
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
        content = git.run("cat-file", "blob", blob, timeout_s=timeout_s).stdout
        if len(content) <= _LARGEST_BYTES:
            files.append((name, content))
    return tuple(files)


def marker_sizes(
    bench: Git, attributes: AttributeFiles, paths: Sequence[str], *, timeout_s: float = 120.0
) -> dict[str, int]:
    """Characters of a conflict marker by path: the attribute `conflict-marker-size`, 7 where it is not set or no number.

    Args:
        bench: git of a quarantine whose work tree holds the attribute files.
        attributes: the same files; git is asked only when one of them, or the repository's own, has a word on it.
        paths: of files.

    Source: `git help check-attr` (-z, --stdin); merge-ll.c, ll_merge_marker_size.
    """
    own = Path(bench.git_dir) / "info" / "attributes"
    named = [content for _, content in attributes] + ([own.read_bytes()] if own.is_file() else [])
    sizes = dict.fromkeys(paths, _MARKER_SIZE)
    if any(_MARKER_SIZE_ATTRIBUTE in content for content in named):
        asked = b"".join(raw(path) + b"\0" for path in paths)
        words = ("check-attr", "-z", "--stdin", _MARKER_SIZE_ATTRIBUTE.decode("ascii"))
        fields = bench.run(*words, stdin=asked, cwd=bench.work_tree, timeout_s=timeout_s).stdout.split(b"\0")
        for path, value in zip(fields[0::3], fields[2::3], strict=False):
            if value.isdigit() and int(value) > 0:
                sizes[text(path)] = int(value)
    return sizes


def _is_attribute_file(path: bytes) -> bool:
    """True for an attribute file at a place git would check out.

    A crafted tree can hold names like `..` or `.git`; git refuses to check them out (read-cache.c, verify_path), so
    attributes there count nowhere, and writing them out would climb out of the quarantine.
    """
    *folders, name = path.split(b"/")
    return name == b".gitattributes" and not any(
        part in (b"", b".", b"..") or part.lower() == b".git" for part in folders
    )
