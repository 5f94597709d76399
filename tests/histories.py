"""Random histories for differential tests: everything git's merge has rules for, made in one stream by `git fast-import`.

A tree is a mapping of path to (mode, content). Branches edit, add, delete, rename, swap and merge; some of their commits
are picked into the target as well.
"""

from __future__ import annotations

import os
import random
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

Tree = dict[bytes, tuple[bytes, bytes]]

FILE, EXECUTABLE, LINK, GITLINK = b"100644", b"100755", b"120000", b"160000"
ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "O Perator",
    "GIT_AUTHOR_EMAIL": "operator@example.org",
    "GIT_COMMITTER_NAME": "O Perator",
    "GIT_COMMITTER_EMAIL": "operator@example.org",
    "GIT_EDITOR": "true",
    "LC_ALL": "C",
}
_WEIGHTS: dict[bool, list[float]] = {
    True: [60, 6, 8, 1, 3, 1, 0.3, 0.3, 0.3, 0.5, 0.5],
    False: [30, 10, 6, 1, 4, 2, 1, 1, 1, 1, 1],
}
PATHS = [
    b"a",
    b"b",
    b"src/c",
    b"src/d",
    b"src/deep/e",
    b"docs/with space",
    "docs/größe".encode(),
    b"src/f.bin",
    b"x/y/z",
]
ODD_PATHS = [
    *PATHS,
    b"A",
    b"src/C/d",
    b"lib/c",
    b"x-y",
    b"x/y.z",
    "docs/gro\u0308\u00dfe".encode(),
    b"caf\xe9",
    b"tab\there",
    b'quote"s',
    b"*glob",
    b"[x]",
    b"back\\slash",
    b":colon",
    b"-dash",
    b"src/g.bin",
    b"new/1",
    b"moved/1",
]


def git(
    path: Path,
    *words: str,
    stdin: bytes = b"",
    check: bool = True,
    executable: str = "git",
    env: dict[str, str] | None = None,
) -> str:
    """Output of a real git command under a fixed environment."""
    done = subprocess.run(
        [executable, *words],
        cwd=path,
        input=stdin,
        capture_output=True,
        env={**os.environ, **ENVIRONMENT, **(env or {})},
        check=False,
    )
    if check and done.returncode:
        raise AssertionError(f"git {' '.join(words)}: {done.returncode}: {done.stderr.decode(errors='replace')}")
    return done.stdout.decode("utf-8", "surrogateescape").removesuffix("\n")


@dataclass
class Node:
    """A commit of the stream under construction."""

    mark: int
    tree: Tree
    changed: Tree | None = None
    before: Tree | None = None


@dataclass
class Stream:
    """A fast-import stream."""

    data: bytearray = field(default_factory=bytearray)
    mark: int = 0
    clock: int = 1_700_000_000

    def commit(
        self,
        ref: str,
        tree: Tree,
        parents: list[int],
        message: bytes,
        *,
        author: bytes = b"A U Thor <author@example.org>",
    ) -> int:
        """Write a commit of a whole tree; its mark."""
        self.mark += 1
        self.clock += 60
        self.data += b"commit %b\nmark :%d\n" % (ref.encode("utf-8", "surrogateescape"), self.mark)
        self.data += b"author %b %d +0530\n" % (author, self.clock)
        self.data += b"committer C O Mitter <committer@example.org> %d -0800\n" % (self.clock + 5)
        self.data += b"data %d\n%b\n" % (len(message), message)
        for role, parent in zip([b"from", *[b"merge"] * len(parents)], parents, strict=False):
            self.data += b"%b :%d\n" % (role, parent)
        self.data += b"deleteall\n"
        for path, (mode, content) in sorted(tree.items()):
            quoted = b'"' + path.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'
            if mode == GITLINK:
                self.data += b"M 160000 %b %b\n" % (content, quoted)
            else:
                self.data += b"M %b inline %b\ndata %d\n%b\n" % (mode, quoted, len(content), content)
        self.data += b"\n"
        return self.mark

    def load(self, path: Path, *, executable: str = "git") -> None:
        """Make the repository's objects and refs of it."""
        git(path, "fast-import", "--quiet", "--force", stdin=bytes(self.data), executable=executable)


class RandomHistory:
    """A repository with a target `main` and some branches.

    Args:
        chance: source of all choices.
        merges: whether branches may merge the target in, or one another.
        odd: whether paths differ in case only, hold bytes that are no text, and the like, and whether branches may merge in
            a history with a root of its own.
    """

    def __init__(self, chance: random.Random, *, branches: int = 5, merges: bool = False, odd: bool = False) -> None:
        self.chance = chance
        self._paths = ODD_PATHS if odd else PATHS
        self._odd = odd
        self.stream = Stream()
        self._fresh = 0
        self._on_main = True
        root = self._commit("main", self._first_tree(), [])
        self.main = [root]
        for _ in range(chance.randint(2, 6)):
            self._grow_main()
        self.branches: dict[str, list[Node]] = {}
        self._on_main = False
        for number in range(branches):
            self._branch(f"topic/{number}", merges=merges)
        self._on_main = True
        for _ in range(chance.randint(1, 5)):
            self._grow_main()

    def build(self, path: Path, *, executable: str = "git") -> Path:
        """Make the repository, without a work tree."""
        git(path.parent, "init", "-q", "--bare", "-b", "main", str(path), executable=executable)
        git(path, "config", "user.name", "O Perator", executable=executable)
        git(path, "config", "user.email", "operator@example.org", executable=executable)
        self.stream.load(path, executable=executable)
        return path

    def _first_tree(self) -> Tree:
        chosen = self.chance.sample(self._paths, self.chance.randint(4, len(self._paths)))
        tree: Tree = {path: (FILE, self._content(path)) for path in chosen}
        if self.chance.random() < 0.3:
            tree[b"link"] = (LINK, b"a")
        if self.chance.random() < 0.2:
            tree[b"sub"] = (GITLINK, b"%040x" % 0xABC)
        return tree

    def _content(self, path: bytes) -> bytes:
        self._fresh += 1
        if path.endswith(b".bin"):
            return bytes([0, 1, 2, self._fresh % 250]) * 20
        ending = b"\r\n" if self.chance.random() < 0.15 else b"\n"
        return b"".join(b"%b line %d%b" % (path, number, ending) for number in range(60))

    def _grow_main(self) -> None:
        picked = [
            node for nodes in getattr(self, "branches", {}).values() for node in nodes if node.changed is not None
        ]
        tip = self.main[-1]
        if picked and self.chance.random() < 0.35:
            node = self.chance.choice(picked)
            before, after = node.before or {}, node.changed or {}
            paths = [path for path in before.keys() | after.keys() if before.get(path) != after.get(path)]
            if all(tip.tree.get(path) == before.get(path) for path in paths):
                tree = dict(tip.tree)
                for path in paths:
                    tree.pop(path, None)
                    if path in after:
                        tree[path] = after[path]
                if _is_possible(tree):
                    self.main.append(self._commit("main", tree, [tip]))
                    return
        self.main.append(self._commit("main", self._changed(tip.tree), [tip]))

    def _branch(self, name: str, *, merges: bool) -> None:
        stacked = [nodes for nodes in self.branches.values() if nodes]
        start = (
            self.chance.choice(self.chance.choice(stacked))
            if stacked and self.chance.random() < 0.35
            else self.chance.choice(self.main)
        )
        nodes: list[Node] = []
        tip = start
        for _ in range(self.chance.randint(1, 4)):
            if merges and self.chance.random() < 0.3:
                other = self.chance.choice(self.main)
                tree = {**other.tree, **tip.tree}
                if not _is_possible(tree):
                    tree = dict(tip.tree)
                tip = self._commit(name, self._changed(tree) if self.chance.random() < 0.2 else tree, [tip, other])
                nodes.append(tip)
                continue
            tree = dict(tip.tree) if self.chance.random() < 0.08 else self._changed(tip.tree)
            made = self._commit(name, tree, [tip])
            made.before, made.changed = tip.tree, tree
            nodes.append(made)
            tip = made
        if merges and self._odd and self.chance.random() < 0.3:
            self._merge_a_root(name, nodes, tip)
        self.branches[name] = nodes

    def _merge_a_root(self, name: str, nodes: list[Node], tip: Node) -> None:
        """Merge in a history that shares nothing with the others, perhaps in a folder of its own."""
        chosen = self.chance.sample(self._paths, 3)
        folder = b"sub-project/" if self.chance.random() < 0.5 else b""
        foreign: Tree = {folder + path: (FILE, self._content(path)) for path in chosen}
        both = {**foreign, **tip.tree}
        if _is_possible(foreign) and _is_possible(both):
            root = self._commit(f"root/{name}", foreign, [])
            nodes.append(self._commit(name, both, [tip, root]))

    def _commit(self, branch: str, tree: Tree, parents: list[Node]) -> Node:
        self._fresh += 1
        message = (
            self.chance.choice(
                [b"change %d\n", b"# change %d\n\nbody\n", b"chang\xc3\xa9 %d", b"%d\n\nSigned-off-by: A <a@b>\n"]
            )
            % self._fresh
        )
        return Node(
            self.stream.commit(f"refs/heads/{branch}", tree, [parent.mark for parent in parents], message), tree
        )

    def _changed(self, tree: Tree) -> Tree:
        """The tree after one to three random edits; always a tree git can store."""
        for _ in range(20):
            made = dict(tree)
            for _ in range(self.chance.randint(1, 3)):
                self._edit(made)
            if _is_possible(made) and made:
                return made
        return tree

    def _edit(self, tree: Tree) -> None:
        chance = self.chance
        files = sorted(path for path, (mode, _) in tree.items() if mode in (FILE, EXECUTABLE))
        kind = chance.choices(
            ["line", "lines", "add", "delete", "rename", "mode", "link", "swap", "crlf", "submodule", "move folder"],
            _WEIGHTS[self._on_main],
        )[0]
        if kind == "add" or not files:
            self._fresh += 1
            place = chance.choice(self._paths) if chance.random() < 0.15 else b"new/%d" % self._fresh
            tree[place] = (FILE, self._content(place))
            return
        path = chance.choice(files)
        mode, content = tree[path]
        self._fresh += 1
        if kind in ("line", "lines"):
            lines = content.splitlines(keepends=True)
            for _ in range(1 if kind == "line" else 3):
                if lines:
                    # Mostly the two sides keep out of each other's way: main works in the first half of a file.
                    half = len(lines) // 2
                    low, high = (0, half or 1) if self._on_main else (half, len(lines))
                    at = (
                        chance.randrange(low, max(high, low + 1))
                        if chance.random() < 0.85
                        else chance.randrange(len(lines))
                    )
                    lines[min(at, len(lines) - 1)] = b"edit %d\n" % chance.choice([self._fresh, chance.randint(1, 3)])
            tree[path] = (mode, b"".join(lines))
        elif kind == "delete":
            del tree[path]
        elif kind == "rename":
            del tree[path]
            tree[
                chance.choice(
                    [
                        b"moved/%d" % chance.randint(1, 4),
                        b"src/renamed-%d" % chance.randint(1, 3),
                        chance.choice(self._paths),
                    ]
                )
            ] = (
                mode,
                content,
            )
        elif kind == "mode":
            tree[path] = (EXECUTABLE if mode == FILE else FILE, content)
        elif kind == "link":
            tree[path] = (LINK, b"target-%d" % chance.randint(1, 2))
        elif kind == "swap":
            del tree[path]
            tree[path + b"/inside"] = (FILE, content)
        elif kind == "crlf":
            tree[path] = (
                mode,
                content.replace(b"\r\n", b"\n") if b"\r\n" in content else content.replace(b"\n", b"\r\n"),
            )
        elif kind == "submodule":
            tree[b"sub"] = (GITLINK, b"%040x" % chance.randint(1, 3))
        elif kind == "move folder":
            for old in [one for one in tree if one.startswith(b"src/")]:
                tree[b"lib/" + old[4:]] = tree.pop(old)


def draw(text: str, place: Path) -> dict[str, str]:
    """Make a repository of a drawing; id of every commit by its letter.

    `main: A-B-C; x: A-D-M+C` is a commit A with two lines of history on it; M merges C into x. Every commit adds a file of
    its own name, so nothing conflicts.
    """
    stream = Stream()
    marks: dict[str, int] = {}
    trees: dict[str, Tree] = {}
    for line in filter(None, (part.strip() for part in text.split(";"))):
        branch, _, chain = line.partition(":")
        below: list[str] = []
        for word in chain.strip().split("-"):
            letter, *merged = word.strip().split("+")
            if letter not in marks:
                parents = [*below, *merged]
                tree: Tree = {path: entry for parent in parents for path, entry in trees[parent].items()}
                tree[letter.encode()] = (FILE, letter.encode() + b"\n")
                trees[letter] = tree
                ref = f"refs/heads/{branch.strip()}"
                marks[letter] = stream.commit(ref, tree, [marks[parent] for parent in parents], letter.encode() + b"\n")
            below = [letter]
        stream.data += b"reset refs/heads/%b\nfrom :%d\n\n" % (branch.strip().encode(), marks[below[0]])
    git(place.parent, "init", "-q", "--bare", "-b", "main", str(place))
    git(place, "config", "user.name", "O Perator")
    git(place, "config", "user.email", "operator@example.org")
    exported = place / "marks"
    git(place, "fast-import", "--quiet", "--force", f"--export-marks={exported}", stdin=bytes(stream.data))
    ids = dict(line.split(" ") for line in exported.read_text().splitlines())
    exported.unlink()
    return {letter: ids[f":{mark}"] for letter, mark in marks.items()}


def _is_possible(tree: Tree) -> bool:
    """No path is a folder of another one."""
    return not any(other != path and other.startswith(path + b"/") for path in tree for other in tree)
