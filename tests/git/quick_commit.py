"""`git add -A && git commit` of an ordinary work tree without starting git: a fifth of the processor time.

Writes what git writes: loose objects, the index with its stat data, the ref and both reflogs. Whatever is not ordinary
(attributes, ignored files, hooks, configuration, packs, odd messages, ...) gives None, and git does it.
`test_workspace.py` compares it with git. Formats: `git help format-index`, `git help gitrepository-layout`.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_ENTRY = struct.Struct("!10I20sH")
_TYPES = {stat.S_IFREG: 0o100644, stat.S_IFLNK: 0o120000}
_IN_THE_WAY = (
    "index.lock", "HEAD.lock", "packed-refs", "commondir", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge",
    "rebase-apply", "sequencer", "BISECT_LOG", "shallow", "objects/info/alternates", "info/attributes", "info/sparse-checkout",
    "info/grafts", "refs/replace",
)  # fmt: skip
_MESSAGE = re.compile(r"[!-~](?:[ -~]*[!-~])?(?:\n\n?[!-~](?:[ -~]*[!-~])?)*")
_SETTINGS = re.compile(rb'(?:\[(?:remote|branch) "[^"\n]*"\]\n(?:\t(?:url|fetch|remote|merge|pushRemote) = .*\n)*)*')
_ZERO = "0" * 40


class NotOrdinary(Exception):
    """git has to do it."""


@dataclass(frozen=True)
class Entry:
    """A file in the index.

    Attributes:
        oid: of its blob.
        mode: as git keeps it.
        seen: what `stat` said of the file.
    """

    oid: bytes
    mode: int
    seen: tuple[int, ...]


def quick_commit(
    git_dir: Path, message: str, env: Mapping[str, str], template: Path, *, may_be_empty: bool
) -> str | None:
    """The id of the new commit; None where nothing was done because git has to do it.

    Args:
        git_dir: of a repository with its work tree around it.
        env: identity and clock, as git takes them.
        template: git directory of a new repository: its configuration and hooks say what is ordinary.
    """
    try:
        _require_ordinary(git_dir, message, template)
        known, indexed_ns = _read_index(git_dir / "index")
        entries = dict(_scan(git_dir, git_dir.parent, b"", known, indexed_ns))
        tree = _write_tree(git_dir, entries)
        ref, parent = _head(git_dir)
        if parent and _tree_of(git_dir, parent) == tree and not may_be_empty:
            return None  # git says so
        people = {
            who: f"{env[f'GIT_{who}_NAME']} <{env[f'GIT_{who}_EMAIL']}> {env[f'GIT_{who}_DATE']}"
            for who in ("AUTHOR", "COMMITTER")
        }
        lines = [f"tree {tree.hex()}", *([f"parent {parent}"] if parent else [])]
        lines += [f"author {people['AUTHOR']}", f"committer {people['COMMITTER']}", "", message, ""]
        commit = _write_object(git_dir, b"commit", "\n".join(lines).encode()).hex()
        _replace(git_dir / "index", _index(entries))
        kind = "commit" if parent else "commit (initial)"
        log = f"{parent or _ZERO} {commit} {people['COMMITTER']}\t{kind}: {message.partition(chr(10))[0]}\n"
        for name in dict.fromkeys(("HEAD", ref)):
            _append(git_dir / "logs" / name, log)
        place = git_dir / ref
        place.parent.mkdir(parents=True, exist_ok=True)
        _replace(place, f"{commit}\n".encode())
        return commit
    except (NotOrdinary, OSError):
        return None


def _require_ordinary(git_dir: Path, message: str, template: Path) -> None:
    """Raises `NotOrdinary` unless nothing but content decides what git commits."""
    settings, usual = (git_dir / "config").read_bytes(), (template / "config").read_bytes()
    user = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "git"
    if (
        not git_dir.is_dir()
        or not _MESSAGE.fullmatch(message)
        or any(name.startswith("GIT_") and name != "GIT_CONFIG_NOSYSTEM" for name in os.environ)
        or not settings.startswith(usual)
        or not _SETTINGS.fullmatch(settings[len(usual) :])
        or any(os.path.lexists(git_dir / name) for name in _IN_THE_WAY)
        or (git_dir / "info" / "exclude").read_bytes() != (template / "info" / "exclude").read_bytes()
        or any(not name.endswith(".sample") for name in os.listdir(git_dir / "hooks"))
        or any(name not in ("info", "pack") and len(name) != 2 for name in os.listdir(git_dir / "objects"))
        or os.listdir(git_dir / "objects" / "pack")
        or user.exists()
    ):
        raise NotOrdinary


def _read_index(path: Path) -> tuple[dict[bytes, Entry], int]:
    """The entries of an index, and when it was written."""
    if not path.exists():
        return {}, 0
    data = path.read_bytes()
    signature, version, count = struct.unpack_from("!4sII", data)
    if (signature, version) != (b"DIRC", 2):
        raise NotOrdinary
    entries, at = {}, 12
    for _ in range(count):
        *seen, oid, flags = _ENTRY.unpack_from(data, at)
        if flags & 0xF000:
            raise NotOrdinary  # of a conflict, or kept out of sight
        end = data.index(b"\0", at + _ENTRY.size)
        entries[data[at + _ENTRY.size : end]] = Entry(oid, seen[6], tuple(seen))
        at += (end - at) // 8 * 8 + 8
    while at < len(data) - 20:
        name, size = struct.unpack_from("!4sI", data, at)
        if name != b"TREE":  # a cache, which may be left out
            raise NotOrdinary
        at += 8 + size
    return entries, path.stat().st_mtime_ns


def _index(entries: Mapping[bytes, Entry]) -> bytes:
    parts = [struct.pack("!4sII", b"DIRC", 2, len(entries))]
    for path in sorted(entries):
        entry = entries[path]
        parts.append(_ENTRY.pack(*entry.seen, entry.oid, min(len(path), 0xFFF)) + path)
        parts.append(b"\0" * (8 - (_ENTRY.size + len(path)) % 8))
    body = b"".join(parts)
    return body + hashlib.sha1(body).digest()


def _scan(
    git_dir: Path, folder: Path, prefix: bytes, known: Mapping[bytes, Entry], indexed_ns: int
) -> Iterator[tuple[bytes, Entry]]:
    """Every file of the work tree; those that are not as the index knows them are stored."""
    for one in os.scandir(os.fsencode(folder)):
        if not prefix and one.name == b".git":
            continue
        if one.name.lower().startswith((b".git", b"git~")) and one.name != b".github":
            raise NotOrdinary
        path = prefix + one.name
        if one.is_dir(follow_symlinks=False):
            yield from _scan(git_dir, Path(os.fsdecode(one.path)), path + b"/", known, indexed_ns)
            continue
        there = one.stat(follow_symlinks=False)
        seen = _seen(there)
        before = known.get(path)
        # As git: what was written in the same moment as the index may have changed since.
        if before is not None and before.seen == seen and there.st_mtime_ns < indexed_ns:
            yield path, before
            continue
        content = os.readlink(one.path) if one.is_symlink() else Path(os.fsdecode(one.path)).read_bytes()
        yield path, Entry(_write_object(git_dir, b"blob", content), seen[6], seen)


def _seen(there: os.stat_result) -> tuple[int, ...]:
    """What the index keeps of a file."""
    mode = _TYPES.get(stat.S_IFMT(there.st_mode))
    if mode is None:
        raise NotOrdinary
    if mode == 0o100644 and there.st_mode & stat.S_IXUSR:
        mode = 0o100755
    times = (*divmod(there.st_ctime_ns, 10**9), *divmod(there.st_mtime_ns, 10**9))
    rest = (there.st_dev, there.st_ino, mode, there.st_uid, there.st_gid, there.st_size)
    return tuple(number & 0xFFFFFFFF for number in (*times, *rest))


def _write_tree(git_dir: Path, entries: Mapping[bytes, Entry]) -> bytes:
    """Id of the tree of these files, stored with all trees below it."""
    rows: list[tuple[bytes, bytes]] = []
    below: dict[bytes, dict[bytes, Entry]] = {}
    for path, entry in entries.items():
        name, is_deeper, rest = path.partition(b"/")
        if is_deeper:
            below.setdefault(name, {})[rest] = entry
        else:
            rows.append((name, b"%o %s\0%s" % (entry.mode, name, entry.oid)))
    for name, files in below.items():
        rows.append((name + b"/", b"40000 %s\0%s" % (name, _write_tree(git_dir, files))))
    return _write_object(git_dir, b"tree", b"".join(row for _, row in sorted(rows)))


def _write_object(git_dir: Path, kind: bytes, content: bytes) -> bytes:
    """Id of an object, stored unless it is there."""
    data = b"%s %d\0%s" % (kind, len(content), content)
    oid = hashlib.sha1(data)
    folder = git_dir / "objects" / oid.hexdigest()[:2]
    place = folder / oid.hexdigest()[2:]
    if not place.exists():
        folder.mkdir(exist_ok=True)
        _replace(place, zlib.compress(data, 1), mode=0o444)
    return oid.digest()


def _head(git_dir: Path) -> tuple[str, str]:
    """(name of what is checked out, its commit or nothing)."""
    head = (git_dir / "HEAD").read_text().strip()
    if not head.startswith("ref: refs/heads/"):
        return ("HEAD", head)
    ref = head.removeprefix("ref: ")
    place = git_dir / ref
    if os.path.lexists(git_dir / f"{ref}.lock") or place.is_dir() or place.is_symlink():
        raise NotOrdinary
    commit = place.read_text().strip() if place.exists() else ""
    if commit and not re.fullmatch("[0-9a-f]{40}", commit):
        raise NotOrdinary  # it stands for another ref
    return (ref, commit)


def _tree_of(git_dir: Path, commit: str) -> bytes:
    place = git_dir / "objects" / commit[:2] / commit[2:]
    if not place.exists():
        raise NotOrdinary
    return bytes.fromhex(zlib.decompress(place.read_bytes()).partition(b"\0tree ")[2][:40].decode())


def _replace(path: Path, content: bytes, *, mode: int = 0o666) -> None:
    beside = f"{path}.new"
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(descriptor, "wb") as file:
        file.write(content)
    os.rename(beside, path)


def _append(path: Path, line: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(line)
