"""Where branches are pushed: judged by what `git push --dry-run` of the same repository does."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gitalign.core.names import BranchName, Oid
from gitalign.core.push import PushPlace, guarded
from gitalign.git.push_rules import PushConfig
from gitalign.git.repository import open_repository
from tests.git.workspace import Workspace

BRANCHES = ("plain", "tracked", "renamed", "onto-main", "local", "to-fork", "far", "to-far")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Branches with every kind of upstream, and two remotes, one of them written to elsewhere than it is read from."""
    place = tmp_path_factory.mktemp("places")
    for name in ("origin", "fork", "written"):
        subprocess.run(["git", "init", "-q", "--bare", str(place / f"{name}.git")], check=True)
    work = Workspace(place / "repo")
    work.commit("base", {"a": b"a\n"})
    work.git("remote", "add", "origin", f"file://{place / 'origin.git'}")
    work.git("remote", "add", "fork", f"file://{place / 'fork.git'}")
    for name in BRANCHES:
        work.git("branch", name)
    work.git("push", "-q", "origin", "main", "tracked", "renamed:alice/topic")
    work.git("push", "-q", "fork", "far", "plain")
    work.git("branch", "-q", "-u", "origin/tracked", "tracked")
    work.git("branch", "-q", "-u", "origin/alice/topic", "renamed")
    work.git("branch", "-q", "-u", "origin/main", "onto-main")
    work.git("branch", "-q", "-u", "main", "local")
    work.git("branch", "-q", "-u", "fork/far", "far")
    work.git("branch", "-q", "-u", "origin/main", "to-far")
    work.git("config", "branch.to-fork.pushRemote", "fork")
    work.git("config", "branch.to-far.pushRemote", "fork")
    return work


def places(work: Workspace, *, default: str = "origin", insists: bool = False) -> dict[str, PushPlace]:
    rules = PushConfig(open_repository(work.path)).rules(default_remote=default, insists=insists)
    return {name: rules.place(BranchName(name)) for name in BRANCHES}


def of_git(work: Workspace, name: str) -> set[tuple[str, str]]:
    """(Address, ref) of everything that git would push from a branch; empty where it refuses."""
    work.git("symbolic-ref", "HEAD", f"refs/heads/{name}")
    said = work.git("push", "--dry-run", "--porcelain", check=False).splitlines()
    work.git("symbolic-ref", "HEAD", "refs/heads/main")
    address, found = "", set()
    for line in said:
        if line.startswith("To "):
            address = line.removeprefix("To ")
        elif line.count("\t") == 2:
            source, _, there = line.split("\t")[1].partition(":")
            found |= {(address, there)} if source == f"refs/heads/{name}" else set()
    return found


CONFIGURATIONS: tuple[tuple[tuple[str, str], ...], ...] = (
    (),
    (("push.default", "simple"),),
    (("push.default", "current"),),
    (("push.default", "upstream"),),
    (("push.default", "tracking"),),
    (("push.default", "matching"),),
    (("push.default", "nothing"),),
    (("remote.pushDefault", "fork"),),
    (("remote.pushDefault", "fork"), ("push.default", "upstream")),
    (("remote.pushDefault", "fork"), ("push.default", "current")),
    (("remote.origin.push", "refs/heads/*:refs/heads/me/*"),),
    (("remote.origin.push", "+refs/heads/tracked:refs/heads/elsewhere"),),
    (("remote.origin.push", ":"),),
    (("remote.fork.push", "refs/heads/*:refs/for/*"),),
    (("remote.origin.mirror", "true"),),
    (("remote.origin.pushurl", "WRITTEN"),),
    (("branch.tracked.merge", "refs/heads/second"),),
)


@pytest.mark.parametrize("settings", CONFIGURATIONS, ids=lambda settings: ",".join(map("=".join, settings)) or "none")
def test_a_branch_goes_where_git_would_push_it(repository: Workspace, settings: tuple[tuple[str, str], ...]) -> None:
    """Edge case 54. Where git refuses, the branch is held back, or is one without any configuration."""
    written = f"file://{repository.path.parent / 'written.git'}"
    for key, value in settings:
        repository.git("config", "--add", key, value.replace("WRITTEN", written))
    try:
        found = places(repository)
        for name, place in found.items():
            gits = of_git(repository, name)
            address = repository.git("remote", "get-url", "--push", place.remote, check=False)
            if place.held:
                assert not gits or place.remote == "." or "push every ref" in place.held, (name, place, gits)
            elif place.is_configured and gits:
                assert gits == {(address, place.ref)}, (name, place)
            elif place.is_configured:
                # `matching` pushes only what is on the remote already.
                assert "matching" in str(settings) or ":" in str(settings), (name, place)
            else:
                assert gits == set(), (name, place)
                assert place.ref == f"refs/heads/{name}"
    finally:
        for key, value in settings:
            repository.git("config", "--unset", "--fixed-value", key, value.replace("WRITTEN", written))


def test_reasons_name_the_setting(repository: Workspace) -> None:
    found = places(repository)
    assert found["renamed"].held.startswith("its upstream is origin/alice/topic, which has another name")
    assert "local branch main" in found["local"].held
    assert not found["plain"].held
    assert not found["plain"].is_configured
    assert found["tracked"].words == "origin/tracked"
    insisting = places(repository, default="fork", insists=True)
    assert insisting["tracked"].held == "alignment.remote is fork, but git would push it to origin"
    assert not insisting["to-fork"].held


def test_several_push_addresses_are_held_back(repository: Workspace) -> None:
    for address in ("/one", "/two"):
        repository.git("config", "--add", "remote.fork.pushurl", address)
    try:
        assert "2 push addresses" in places(repository)["to-fork"].held
    finally:
        repository.git("config", "--unset-all", "remote.fork.pushurl")


def test_primary_branches_and_shared_places_are_held_back() -> None:
    def place(ref: str, held: str = "") -> PushPlace:
        return PushPlace(remote="origin", ref=ref, tip=Oid("1" * 40), held=held)

    checked = guarded(
        {
            BranchName("a"): place("refs/heads/main"),
            BranchName("b"): place("refs/heads/topic"),
            BranchName("c"): place("refs/heads/topic"),
            BranchName("d"): place("refs/for/main"),
            BranchName("e"): place("refs/heads/e"),
            BranchName("f"): place("refs/heads/e", held="no"),
        },
        primaries=["main"],
    )
    assert {name: one.held for name, one in checked.items()} == {
        "a": "git push would write origin/main, which is a target",
        "b": "c is pushed to origin/topic, too",
        "c": "b is pushed to origin/topic, too",
        "d": "git push would write refs/for/main, which is not a branch",
        "e": "",
        "f": "no",
    }


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, ()),
        ({"push.followTags": "true", "submodule.recurse": "false", "push.gpgSign": "if-asked"}, ()),
        ({"push.recurseSubmodules": "check"}, ("push.recurseSubmodules is check",)),
        ({"submodule.recurse": "true"}, ("push.recurseSubmodules is on-demand",)),
        ({"submodule.recurse": "true", "push.recurseSubmodules": "no"}, ()),
        ({"push.gpgSign": "true"}, ("push.gpgSign",)),
        ({"push.pushOption": "ci.skip"}, ("push.pushOption is ci.skip",)),
        ({"hook.check.event": "pre-push", "hook.check.command": "false"}, ("the hook check",)),
        ({"hook.check.event": "pre-commit", "hook.check.command": "false"}, ()),
    ],
)
def test_what_else_a_push_would_do_is_named(tmp_path: Path, settings: dict[str, str], told: tuple[str, ...]) -> None:
    """Edge case 54."""
    work = Workspace(tmp_path / "repo")
    tip = Oid(work.commit("base", {"a": b"a\n"}))
    for key, value in settings.items():
        work.git("config", key, value)
    found = PushConfig(open_repository(work.path)).guards([tip])
    assert len(found) == len(told), found
    assert all(words in one for words, one in zip(told, found, strict=True)), found


def test_hooks_and_lfs_are_found_where_git_looks_for_them(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    base = Oid(work.commit("base", {"a": b"a\n"}))
    repository = open_repository(work.path)

    def guards(*oids: Oid) -> str:
        return " ".join(PushConfig(repository).guards(oids or [base]))

    hook = work.path / ".git" / "hooks" / "pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\n")
    assert guards() == ""  # git ignores what is not executable
    hook.chmod(0o755)
    assert str(hook) in guards()
    work.git("config", "core.hooksPath", "shared")
    assert guards() == ""
    (work.path / "shared").mkdir()
    hook.rename(work.path / "shared" / "pre-push")
    assert "shared/pre-push" in guards()
    (work.path / "shared" / "pre-push").unlink()
    work.switch("other", "main")
    plain = Oid(work.commit("plain", {"b": b"b\n"}))
    work.switch("large", "main")
    large = Oid(work.commit("large", {"deep/.gitattributes": b"*.bin filter=lfs diff=lfs merge=lfs -text\n"}))
    assert guards(base, plain) == ""
    assert "Git LFS" in guards(large)
    assert "Git LFS" in guards(base, plain, large)
    (work.path / ".git" / "info" / "attributes").write_text("*.psd filter=lfs\n")
    assert "Git LFS" in guards(base)
