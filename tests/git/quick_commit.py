"""`git add -A && git commit`, and `git checkout`, of an ordinary work tree without starting git: a fifth of the processor time.

Writes what git writes: loose objects, the index with its stat data, the ref and both reflogs. Whatever is not ordinary
(attributes, ignored files, hooks, configuration, packs, odd messages, ...) is left to git, before anything was changed.
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


@dataclass(frozen=True)
class Store:
    """The loose objects of a repository.

    Attributes:
        writes: False where ids are asked for alone.
    """

    git_dir: Path
    writes: bool = True

    def put(self, kind: bytes, content: bytes) -> bytes:
        """Id of an object, stored unless it is there."""
        data = b"%s %d\0%s" % (kind, len(content), content)
        oid = hashlib.sha1(data)
        place = self._place(oid.hexdigest())
        if self.writes and not place.exists():
            place.parent.mkdir(exist_ok=True)
            _replace(place, zlib.compress(data, 1), mode=0o444)
        return oid.digest()

    def read(self, oid: str) -> bytes:
        """Content of an object."""
        place = self._place(oid)
        if not place.exists():
            raise NotOrdinary
        return zlib.decompress(place.read_bytes()).partition(b"\0")[2]

    def tree_of(self, commit: str) -> bytes:
        """Id of the tree of a commit."""
        return bytes.fromhex(self.read(commit)[5:45].decode())

    def files(self, tree: bytes, prefix: bytes = b"") -> Iterator[tuple[bytes, tuple[int, bytes]]]:
        """(path, (mode, id)) of every file below a tree."""
        data, at = self.read(tree.hex()), 0
        while at < len(data):
            end = data.index(b"\0", at)
            mode, _, name = data[at:end].partition(b" ")
            oid, at = data[end + 1 : end + 21], end + 21
            _require_no_name_of_git(name)
            if mode == b"40000":
                yield from self.files(oid, prefix + name + b"/")
            elif mode in (b"100644", b"100755", b"120000"):
                yield prefix + name, (int(mode, 8), oid)
            else:
                raise NotOrdinary

    def _place(self, oid: str) -> Path:
        return self.git_dir / "objects" / oid[:2] / oid[2:]


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
        if not _MESSAGE.fullmatch(message):
            return None
        _require_ordinary(git_dir, template)
        store = Store(git_dir)
        known, indexed_ns = _read_index(git_dir / "index")
        entries = dict(_scan(store, git_dir.parent, b"", known, indexed_ns))
        tree = _write_tree(store, entries)
        ref, parent = _head(git_dir)
        if parent and store.tree_of(parent) == tree and not may_be_empty:
            return None  # git says so
        lines = [f"tree {tree.hex()}", *([f"parent {parent}"] if parent else [])]
        lines += [f"author {_person(env, 'AUTHOR')}", f"committer {_person(env, 'COMMITTER')}", "", message, ""]
        commit = store.put(b"commit", "\n".join(lines).encode()).hex()
        _replace(git_dir / "index", _index(entries))
        kind = "commit" if parent else "commit (initial)"
        for name in dict.fromkeys(("HEAD", ref)):
            _log(git_dir, name, parent, commit, env, f"{kind}: {message.partition(chr(10))[0]}")
        _set(git_dir, ref, commit)
        return commit
    except (NotOrdinary, OSError):
        return None


def quick_switch(git_dir: Path, branch: str, start: str | None, env: Mapping[str, str], template: Path) -> bool:
    """Check a branch out, made at the branch `start` when given; False where nothing was done because git has to do it."""
    try:
        _require_ordinary(git_dir, template)
        ref, commit = f"refs/heads/{branch}", tip(git_dir, start or branch)
        before, old = _head(git_dir)
        if (git_dir / "worktrees").exists() or before == ref or not old or (start and os.path.lexists(git_dir / ref)):
            return False
        ids = Store(git_dir, writes=False)
        known, indexed_ns = _read_index(git_dir / "index")
        entries = dict(_scan(ids, git_dir.parent, b"", known, indexed_ns))
        is_clean = {path: entry.oid for path, entry in entries.items()} == {
            path: entry.oid for path, entry in known.items()
        }
        if not is_clean or _write_tree(ids, entries) != ids.tree_of(old):
            return False
        if start:
            (git_dir / ref).parent.mkdir(parents=True, exist_ok=True)
        _check_out(ids, entries, dict(ids.files(ids.tree_of(commit))))
        _replace(git_dir / "index", _index(entries))
    except (NotOrdinary, OSError):
        return False
    if start:
        _log(git_dir, ref, "", commit, env, f"branch: Created from {start}")
        _set(git_dir, ref, commit)
    _log(
        git_dir,
        "HEAD",
        old,
        commit,
        env,
        f"checkout: moving from {before.removeprefix('refs/heads/') if before != 'HEAD' else old} to {branch}",
    )
    _set(git_dir, "HEAD", f"ref: {ref}")
    return True


def tip(git_dir: Path, branch: str) -> str:
    """The commit of a branch.

    Raises:
        NotOrdinary: it is not a branch whose ref has a file of its own, or its name could mean something else.
    """
    ref = f"refs/heads/{branch}"
    others = (branch, f"refs/{branch}", f"refs/tags/{branch}", f"refs/remotes/{branch}")
    place = git_dir / ref
    if (
        ".." in branch
        or place.is_symlink()
        or not place.is_file()
        or any(os.path.lexists(git_dir / name) for name in others)
    ):
        raise NotOrdinary
    commit = place.read_text().strip()
    if not re.fullmatch("[0-9a-f]{40}", commit):
        raise NotOrdinary
    return commit


def _check_out(store: Store, entries: dict[bytes, Entry], wanted: Mapping[bytes, tuple[int, bytes]]) -> None:
    """Make the work tree, which is `entries`, what is wanted."""
    root = os.fsencode(store.git_dir.parent) + b"/"
    changed = {
        path: file
        for path, file in wanted.items()
        if path not in entries or (entries[path].mode, entries[path].oid) != file
    }
    contents = {path: store.read(oid.hex()) for path, (_, oid) in changed.items()}
    if any(path not in entries and os.path.lexists(root + path) for path in changed):
        raise NotOrdinary
    for path in [path for path in entries if path not in wanted or path in changed]:
        os.unlink(root + path)
        folder = os.path.dirname(path)
        while folder and path not in wanted and not os.listdir(root + folder):
            os.rmdir(root + folder)
            folder = os.path.dirname(folder)
        del entries[path]
    for path, (mode, oid) in changed.items():
        os.makedirs(os.path.dirname(root + path), exist_ok=True)
        if mode == 0o120000:
            os.symlink(contents[path], root + path)
        else:
            with open(os.open(root + path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode & 0o777 | 0o66), "wb") as file:
                file.write(contents[path])
        entries[path] = Entry(oid, mode, _seen(os.lstat(root + path)))


def _require_ordinary(git_dir: Path, template: Path) -> None:
    """Raises `NotOrdinary` unless nothing but content decides what git commits."""
    settings, usual = (git_dir / "config").read_bytes(), (template / "config").read_bytes()
    user = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "git"
    if (
        not git_dir.is_dir()
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


def _require_no_name_of_git(name: bytes) -> None:
    if name.lower().startswith((b".git", b"git~")) and name != b".github":
        raise NotOrdinary


def _scan(
    store: Store, folder: Path, prefix: bytes, known: Mapping[bytes, Entry], indexed_ns: int
) -> Iterator[tuple[bytes, Entry]]:
    """Every file of the work tree; those that are not as the index knows them are stored."""
    for one in os.scandir(os.fsencode(folder)):
        if not prefix and one.name == b".git":
            continue
        _require_no_name_of_git(one.name)
        path = prefix + one.name
        if one.is_dir(follow_symlinks=False):
            yield from _scan(store, Path(os.fsdecode(one.path)), path + b"/", known, indexed_ns)
            continue
        there = one.stat(follow_symlinks=False)
        seen = _seen(there)
        before = known.get(path)
        # As git: what was written in the same moment as the index may have changed since.
        if before is not None and before.seen == seen and there.st_mtime_ns < indexed_ns:
            yield path, before
            continue
        content = os.readlink(one.path) if one.is_symlink() else Path(os.fsdecode(one.path)).read_bytes()
        yield path, Entry(store.put(b"blob", content), seen[6], seen)


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


def _write_tree(store: Store, entries: Mapping[bytes, Entry]) -> bytes:
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
        rows.append((name + b"/", b"40000 %s\0%s" % (name, _write_tree(store, files))))
    return store.put(b"tree", b"".join(row for _, row in sorted(rows)))


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


def _person(env: Mapping[str, str], who: str) -> str:
    return f"{env[f'GIT_{who}_NAME']} <{env[f'GIT_{who}_EMAIL']}> {env[f'GIT_{who}_DATE']}"


def _log(git_dir: Path, ref: str, old: str, new: str, env: Mapping[str, str], why: str) -> None:
    place = git_dir / "logs" / ref
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("a") as file:
        file.write(f"{old or _ZERO} {new} {_person(env, 'COMMITTER')}\t{why}\n")


def _set(git_dir: Path, ref: str, value: str) -> None:
    place = git_dir / ref
    place.parent.mkdir(parents=True, exist_ok=True)
    _replace(place, f"{value}\n".encode())


def _replace(path: Path, content: bytes, *, mode: int = 0o666) -> None:
    beside = f"{path}.new"
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(descriptor, "wb") as file:
        file.write(content)
    os.rename(beside, path)
