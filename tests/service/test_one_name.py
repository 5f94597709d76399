"""One repository has one name in the service: through links, work trees and spellings of its address, too."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gitalign.core.addresses import parsed_address
from gitalign.core.jobs import JobKind
from gitalign.errors import Contradiction
from gitalign.service.administration import add_folder
from gitalign.service.identities import require_new
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.repositories import Repositories
from tests.service.asking import REPOSITORY, done


def test_a_folder_under_every_name(database: ServiceDatabase, repository: Path, sample: Path, tmp_path: Path) -> None:
    link, tree = tmp_path / "link", tmp_path / "tree"
    link.symlink_to(repository)
    (repository / "within").mkdir()
    subprocess.run(["git", "worktree", "add", "-q", "--detach", str(tree)], cwd=repository, check=True)
    for place in (repository, repository / ".git", repository / "within", link, tree, Path(f"{repository}/")):
        with pytest.raises(Contradiction) as refused:
            add_folder(database, "other", str(place))
        assert (refused.value.code, REPOSITORY in refused.value.message) == ("registered_twice", True)
    assert add_folder(database, "another", str(sample)).name == "another"
    assert add_folder(database, "gone", str(tmp_path / "gone")).name == "gone", "what cannot be seen is not the same"


def test_a_name_that_came_to_be_another_moves_nothing(
    database: ServiceDatabase, repository: Path, tmp_path: Path
) -> None:
    """Registered by an earlier release, at the same moment, or by a link that leads elsewhere now."""
    link = tmp_path / "link"
    link.symlink_to(repository)
    repositories = Repositories(database)
    first = repositories.get(REPOSITORY)
    repositories.remove(REPOSITORY, actor="me")
    repositories.add("first", first.path, actor="me")
    repositories.add(REPOSITORY, str(link), actor="me")
    looked, _ = done(database, JobKind.SETTINGS)
    assert looked.state.value == "done"
    refused, _ = done(database, JobKind.PRUNE)
    assert (refused.error or {})["code"] == "registered_twice"


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        ("https://git.example.org/team/shop", True),
        ("https://git.example.org/team/shop.git/", True),
        ("https://GIT.example.org:443/team/shop", True),
        ("ssh://git@git.example.org/team/shop.git", True),
        ("https://git.example.org:8443/team/shop.git", False),
        ("https://git.example.org/team/Shop.git", False),
        ("https://git.example.org/team/shopping", False),
    ],
)
def test_an_address_in_every_spelling(database: ServiceDatabase, tmp_path: Path, other: str, is_same: bool) -> None:
    repositories = Repositories(database)
    url = parsed_address("https://git.example.org/team/shop.git").url
    repositories.add_address("shop", url, folder=tmp_path, actor="me")
    try:
        require_new(repositories.all(), path="", url=parsed_address(other).url)
        found = False
    except Contradiction:
        found = True
    assert found is is_same
