"""Which pages of a hosting service belong to the address of a remote; and that nothing else of the address goes on."""

from __future__ import annotations

import pytest

from gitalign.core.forecast import Author
from gitalign.core.hosting import Host, HostKind, links_of

OWN = {
    "git.example.org": Host(kind=HostKind.GITLAB),
    "code.example.org:8443": Host(kind=HostKind.GITEA),
    "forge.example.org": Host(kind=HostKind.FORGEJO, web="https://www.example.org:444/forge/"),
    "stash.example.org": Host(kind=HostKind.BITBUCKET_SERVER),
    "enterprise.example.org": Host(kind=HostKind.GITHUB),
}


@pytest.mark.parametrize(
    ("address", "commit"),
    [
        ("https://github.com/team/shop.git", "https://github.com/team/shop/commit/abc"),
        ("https://github.com/team/shop/", "https://github.com/team/shop/commit/abc"),
        ("https://GitHub.com/team/shop", "https://github.com/team/shop/commit/abc"),
        ("https://user:p%40ss@github.com:443/team/shop.git", "https://github.com:443/team/shop/commit/abc"),
        ("http://github.com/team/shop", "https://github.com/team/shop/commit/abc"),
        ("git@github.com:team/shop.git", "https://github.com/team/shop/commit/abc"),
        ("github.com:team/shop", "https://github.com/team/shop/commit/abc"),
        ("ssh://git@github.com:22/team/shop.git", "https://github.com/team/shop/commit/abc"),
        ("ssh://git@ssh.github.com:443/team/shop.git", "https://github.com/team/shop/commit/abc"),
        ("git://github.com/team/shop.git", "https://github.com/team/shop/commit/abc"),
        ("git@gitlab.com:a/b/c/shop.git", "https://gitlab.com/a/b/c/shop/-/commit/abc"),
        ("git@altssh.gitlab.com:a/shop.git", "https://gitlab.com/a/shop/-/commit/abc"),
        ("https://codeberg.org/team/shop.git", "https://codeberg.org/team/shop/commit/abc"),
        ("https://gitea.com/team/shop.git", "https://gitea.com/team/shop/commit/abc"),
        ("https://user@bitbucket.org/team/shop.git", "https://bitbucket.org/team/shop/commits/abc"),
        ("ssh://git@git.example.org:2222/team/shop.git", "https://git.example.org/team/shop/-/commit/abc"),
        ("http://git.example.org:8080/team/shop.git", "http://git.example.org:8080/team/shop/-/commit/abc"),
        ("https://code.example.org:8443/team/shop.git", "https://code.example.org:8443/team/shop/commit/abc"),
        ("git@forge.example.org:team/shop.git", "https://www.example.org:444/forge/team/shop/commit/abc"),
        ("git@enterprise.example.org:team/shop.git", "https://enterprise.example.org/team/shop/commit/abc"),
        (
            "ssh://git@stash.example.org:7999/SHOP/shop.git",
            "https://stash.example.org/projects/SHOP/repos/shop/commits/abc",
        ),
        (
            "https://stash.example.org/scm/~ada/shop.git",
            "https://stash.example.org/users/ada/repos/shop/commits/abc",
        ),
        (
            "https://github.com/te%20am/sh%22op%3Cb%3E.git",
            "https://github.com/te%20am/sh%22op%3Cb%3E/commit/abc",
        ),
    ],
)
def test_addresses_of_known_and_configured_hosts(address: str, commit: str) -> None:
    links = links_of(address, OWN)
    assert links is not None
    assert links.commit("abc") == commit


@pytest.mark.parametrize(
    "address",
    [
        "",
        "origin",
        "/srv/git/shop.git",
        "../shop.git",
        "file:///srv/git/shop.git",
        "C:\\shop.git",
        "https://elsewhere.example.org/team/shop.git",
        "https://code.example.org/team/shop.git",
        "git@github.com.example.org:team/shop.git",
        "https://github.com@elsewhere.example.org/team/shop.git",
        "https://github.com",
        "https://github.com/shop.git",
        "https://github.com/a/b/shop.git",
        "https://github.com/team/../shop.git",
        "https://github.com/team/sh%0aop.git",
        "https://github.com:port/team/shop.git",
        "https://[github.com/team/shop.git",
        "javascript:alert(1)//github.com/team/shop",
        "ext::sh -c github.com/team/shop",
        "bundle.bundle",
        "https://stash.example.org/scm/a/b/shop.git",
    ],
)
def test_what_has_no_pages(address: str) -> None:
    assert links_of(address, OWN) is None


def test_credentials_do_not_reach_a_link() -> None:
    for address in (
        "https://user:secret@github.com/team/shop.git",
        "https://secret@gitlab.com/team/shop.git",
        "ssh://secret:secret@bitbucket.org/team/shop.git",
        "secret@codeberg.org:team/shop.git",
        "https://github.com/team/shop.git?token=secret#secret",
    ):
        links = links_of(address, {})
        assert links is not None
        assert "secret" not in f"{links}"
        assert "secret" not in str(links.compare("main", "topic"))


@pytest.mark.parametrize(
    ("address", "branch", "compare"),
    [
        ("git@github.com:t/s", "/tree/feature/x%23%3F%26%25", "/compare/main...feature/x%23%3F%26%25"),
        ("git@gitlab.com:t/s", "/-/tree/feature/x%23%3F%26%25", "/-/compare/main...feature/x%23%3F%26%25"),
        ("git@codeberg.org:t/s", "/src/branch/feature/x%23%3F%26%25", "/compare/main...feature/x%23%3F%26%25"),
        ("git@bitbucket.org:t/s", "/branch/feature/x%23%3F%26%25", "/branches/compare/feature/x%23%3F%26%25%0Dmain"),
    ],
)
def test_names_are_quoted(address: str, branch: str, compare: str) -> None:
    links = links_of(address, {})
    assert links is not None
    assert (links.branch("feature/x#?&%") or "").endswith(branch)
    assert (links.compare("main", "feature/x#?&%") or "").endswith(compare)


def test_people() -> None:
    ada = Author(name="Ada <b>", email="ada+x@example.org")
    login = Author(name="Ada", email="123+ada-l@users.noreply.github.com")
    at_github, at_bitbucket = links_of("git@github.com:t/s", {}), links_of("git@bitbucket.org:t/s", {})
    assert at_github is not None
    assert at_bitbucket is not None
    assert at_github.author(ada) == "https://github.com/t/s/commits?author=ada%2Bx%40example.org"
    assert at_github.author(login) == "https://github.com/ada-l"
    bot = Author(name="some-app[bot]", email="1+some-app[bot]@users.noreply.github.com")
    assert at_github.author(bot) == "https://github.com/apps/some-app"
    assert at_bitbucket.author(ada) is None
