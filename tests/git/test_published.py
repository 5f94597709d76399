"""What a hosting service has of a repository: where git fails, that is an error, never "no such remote"."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gitalign.engine.publishing.published import address_of, published
from gitalign.errors import GitError
from gitalign.git.remote import push_addresses
from gitalign.git.repository import open_repository
from tests.engine.faults import FaultyGit
from tests.git.workspace import Workspace

ADDRESS = "https://github.com/owner/name.git"


def test_a_failure_of_git_is_never_a_remote_that_is_not_there(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    tip = work.commit("base", {"f": b"1\n"})
    work.git("remote", "add", "origin", ADDRESS)
    work.git("update-ref", "refs/remotes/origin/main", tip)
    repository = open_repository(work.path)
    expected = published(repository, "origin", {})
    assert expected is not None
    assert (dict(expected.tips), expected.links.commit(tip)) == (
        {"main": tip},
        f"https://github.com/owner/name/commit/{tip}",
    )
    assert published(repository, "nowhere", {}) is None
    faulty = FaultyGit(tmp_path / "faulty")
    with faulty.going_wrong("remote", "refused"):
        ours = replace(repository, operator=replace(repository.operator, executable=faulty.executable))
        assert published(ours, "origin", {}) == expected
        assert faulty.calls == 2, "asked again"
    for end in ("refused", "killed before"):
        with faulty.going_wrong("remote", end, every=True), pytest.raises(GitError):
            published(ours, "origin", {})
        with faulty.going_wrong("remote", end, every=True), pytest.raises(GitError):
            address_of(ours, "nowhere")
        with faulty.going_wrong("remote", end, every=True), pytest.raises(GitError):
            push_addresses(ours, "origin")
    assert push_addresses(repository, "origin") == (ADDRESS,)
    assert push_addresses(repository, "nowhere") == ("nowhere",)
