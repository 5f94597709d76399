"""What git makes of several merge bases, found once, against git that makes it for every pair."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from gitalign.core.names import Oid
from gitalign.engine.alignment.integration import probe
from gitalign.git import virtual_base as module
from gitalign.git.attributes import read_attributes
from gitalign.git.quarantine import Quarantine
from gitalign.git.repository import open_repository
from gitalign.integrate.lane import MergeWorker
from gitalign.integrate.shared_merges import SharedMerges
from tests.histories import git

_BRANCHES = 5


def _content(chance: random.Random, lines: list[str]) -> list[str]:
    changed = list(lines)
    for _ in range(chance.randint(1, 3)):
        changed[chance.randrange(len(changed))] = f"changed {chance.random()}"
    return changed


def criss_cross(chance: random.Random, path: Path, *, arms: int, same_date: bool = False) -> list[str]:
    """A target and branches that have merged the same commits of several arms; the arms change the same files, rename and delete them.

    Returns:
        The target's tip, then the branches'.
    """
    git(path.parent, "init", "-q", "--bare", "-b", "main", str(path))
    stream = bytearray()
    marks = 0
    dates = 1_600_000_000

    def commit(files: dict[str, list[str]], *parents: int) -> int:
        nonlocal marks, dates
        marks += 1
        dates += 0 if same_date else 60
        stream.extend(b"commit refs/heads/c%d\nmark :%d\n" % (marks, marks))
        stream.extend(b"committer C <c@example.org> %d +0000\ndata 0\n" % dates)
        for role, parent in zip((b"from", *[b"merge"] * len(parents)), parents, strict=False):
            stream.extend(b"%b :%d\n" % (role, parent))
        stream.extend(b"deleteall\n")
        for name, lines in files.items():
            text = "".join(f"{line}\n" for line in lines)
            stream.extend(f"M 644 inline {name}\ndata {len(text)}\n{text}\n".encode())
        stream.extend(b"\n")
        return marks

    def edited(files: dict[str, list[str]]) -> dict[str, list[str]]:
        made = dict(files)
        for name in chance.sample(sorted(made), chance.randint(1, 3)):
            what = chance.choice(["change", "change", "change", "rename", "delete", "add"])
            lines = made[name]
            if what == "change":
                made[name] = _content(chance, lines)
            elif what == "add":
                made[f"new{chance.randrange(4)}"] = _content(chance, lines)
            elif len(made) > 3:
                del made[name]
                if what == "rename":
                    made[f"moved/{name.replace('/', '-')}{chance.randrange(2)}"] = lines
        return made

    files = {name: [f"{name} {line}" for line in range(12)] for name in ("a", "b", "d/c", "d/e", "f")}
    root = commit(files)
    trees = [edited(files) for _ in range(arms)]
    tips = [commit(tree, root) for tree in trees]
    ends = []
    for number in range(_BRANCHES + 1):
        first = number % arms
        merged = commit(edited(trees[first]), *dict.fromkeys([tips[first], *tips]))
        ends.append(commit(edited(trees[first]), merged))
    git(path, "fast-import", "--quiet", stdin=bytes(stream))
    return [git(path, "rev-parse", f"c{end}").strip() for end in ends]


@pytest.mark.parametrize("seed", range(6))
def test_merges_on_the_shared_base_are_gits(seed: int, tmp_path: Path) -> None:
    """Edge case 25: clean or not, the same tree and the same conflicts as git makes of each pair by itself."""
    chance = random.Random(seed)
    onto, *branches = map(Oid, criss_cross(chance, tmp_path / "r", arms=2 + seed % 2))
    repository = open_repository(tmp_path / "r")
    quarantine = Quarantine(repository, "20260101-000000-000000", memory=None)
    shared = SharedMerges()
    lanes: list[MergeWorker] = []
    try:
        for merges in (shared, SharedMerges()):
            lanes.append(
                MergeWorker(
                    quarantine,
                    wire=probe(quarantine),
                    attributes={onto: read_attributes(quarantine.git, onto)},
                    shared=merges,
                    timeout_s=60,
                )
            )
        by_git, sharing = lanes[1], lanes[0]
        bases = [by_git.bases(branch, onto) for branch in branches]
        shared.virtual.expect(bases)
        assert all(len(one) > 1 and shared.virtual.is_expected(one) for one in bases)
        for branch, own in zip(branches, bases, strict=True):
            for ours, theirs in ((branch, onto), (onto, branch)):
                made, expected = (
                    sharing.merge_histories(onto, ours, theirs, bases=own),
                    by_git.merge_histories(onto, ours, theirs),
                )
                assert made.is_clean == expected.is_clean
                assert made.conflicts == expected.conflicts
                assert [(one.stage, one.mode, one.path) for one in made.entries] == [
                    (one.stage, one.mode, one.path) for one in expected.entries
                ]
                if made.is_clean:
                    assert made.tree == expected.tree
        assert shared.virtual._known
        assert None not in shared.virtual._known.values(), "a base was found"
    finally:
        for lane in lanes:
            lane.close()
        quarantine.remove()


def test_what_git_does_not_vouch_for_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another tree than git's base is refused, each kind of difference by itself; so are bases of one date."""
    onto, branch, *_ = map(Oid, criss_cross(random.Random(1), tmp_path / "r", arms=2))
    repository = open_repository(tmp_path / "r")
    quarantine = Quarantine(repository, "20260101-000000-000000", memory=None)
    git_ = quarantine.git
    try:
        store = module.Store(git=git_, repository=repository, objects=quarantine.objects, timeout_s=60)
        bases = [Oid(oid) for oid in git(tmp_path / "r", "merge-base", "--all", onto, branch).split()]
        base = module.virtual_base(store, branch, onto, bases)
        assert base is not None
        listed = git_.run("ls-tree", "-r", "-z", base).stdout.split(b"\0")[:-1]
        others = {"less": listed[1:], "more": [*listed, listed[0] + b"-more"]}
        others["mode"] = [listed[0].replace(b"100644", b"100755", 1), *listed[1:]]
        others["content"] = [listed[0].split(b"\t")[0] + b"\t" + listed[1].split(b"\t")[1], *listed[:1], *listed[2:]]
        paths = module._paths(git_, [*bases, base], store)
        assert module._is_base(store, base, bases, paths)
        for what, lines in others.items():
            with monkeypatch.context() as patch:
                patch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
                index = {"GIT_INDEX_FILE": str(tmp_path / f"index-{what}")}
                own = replace(git_, variables={**git_.variables, **index})
                own.run("update-index", "-z", "--index-info", stdin=b"".join(b"%b\0" % line for line in lines))
                tree = Oid(own.run("write-tree").stdout.decode().strip())
            assert not module._is_base(store, tree, bases, module._paths(git_, [*bases, base, tree], store)), what
    finally:
        quarantine.remove()
    onto, branch, *_ = map(Oid, criss_cross(random.Random(1), tmp_path / "same", arms=2, same_date=True))
    repository = open_repository(tmp_path / "same")
    quarantine = Quarantine(repository, "20260101-000000-000000", memory=None)
    try:
        store = module.Store(git=quarantine.git, repository=repository, objects=quarantine.objects, timeout_s=60)
        bases = [Oid(oid) for oid in git(tmp_path / "same", "merge-base", "--all", onto, branch).split()]
        assert len(bases) > 1
        assert module.virtual_base(store, branch, onto, bases) is None
    finally:
        quarantine.remove()
