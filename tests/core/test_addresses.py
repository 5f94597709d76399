"""Addresses of git servers: what is well formed, what an operator allows, and which machines are public."""

from __future__ import annotations

import pytest

from gitalign.core.addresses import AddressRules, is_public, parsed_address
from gitalign.errors import UserError


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Git.Example.org/team/shop.git", "https://git.example.org:443"),
        ("https://git.example.org:8443/a/~b/c%20d", "https://git.example.org:8443"),
        ("ssh://git@git.example.org/shop", "ssh://git.example.org:22"),
        ("ssh://git.example.org:2222/shop", "ssh://git.example.org:2222"),
        ("https://[2606:4700::1111]/shop", "https://[2606:4700::1111]:443"),
        ("http://192.0.2.1/shop", "http://192.0.2.1:80"),
    ],
)
def test_well_formed(url: str, origin: str) -> None:
    address = parsed_address(url)
    assert address.origin == origin
    assert parsed_address(address.url) == address


@pytest.mark.parametrize(
    "url",
    [
        "", "shop", "/srv/shop", "file:///srv/shop", "ext::sh -c id", "ext://sh", "git://example.org/shop", "ftp://example.org/a",
        "git@example.org:shop", "https://user@example.org/shop", "https://user:word@example.org/shop", "ssh://a:b@example.org/shop",
        "ssh://-oProxyCommand=id@example.org/shop", "ssh://-oProxyCommand=id/shop", "https://-example.org/shop", "https:///shop",
        "https://example.org", "https://example.org/", "https://example.org/-x", "https://example.org/a/--upload-pack=id", "https://example.org/a b",
        "https://example.org/a\nb", "https://example.org/a;id", "https://example.org/$(id)", "https://example.org/a?b", "https://example.org/a#",
        "https://example.org:99999/a", "https://exa mple.org/a", "https://exämple.org/a", "https://[::1/a", "https://[fe80::1%25eth0]/a",
        "https://a'b/c", f"https://{'a' * 300}/b",
    ],
)  # fmt: skip
def test_not_an_address(url: str) -> None:
    with pytest.raises(UserError) as caught:
        parsed_address(url)
    assert (caught.value.code, bool(caught.value.hint)) == ("bad_address", True)


@pytest.mark.parametrize(
    ("hosts", "url", "is_allowed"),
    [
        ([], "https://example.org/a", False),
        (["example.org"], "https://example.org/a", True),
        (["EXAMPLE.org"], "ssh://git@example.org/a", True),
        (["example.org"], "https://example.org:8443/a", False),
        (["example.org:8443"], "https://example.org:8443/a", True),
        (["example.org:8443"], "https://example.org/a", False),
        (["example.org"], "http://example.org/a", False),
        (["*.example.org"], "https://git.example.org/a", True),
        (["*.example.org"], "https://example.org/a", False),
        (["*.example.org"], "https://gitexample.org/a", False),
        (["example.org"], "https://example.org.evil.net/a", False),
        (["*"], "https://anything.net:1/a", True),
        (["[::1]:8443"], "https://[::1]:8443/a", True),
        (["::1"], "https://[::1]/a", True),
    ],
)
def test_allowed(hosts: list[str], url: str, is_allowed: bool) -> None:
    rules = AddressRules(hosts=hosts)
    if is_allowed:
        rules.require(parsed_address(url))
        return
    with pytest.raises(UserError) as caught:
        rules.require(parsed_address(url))
    assert (caught.value.code, "settings" in caught.value.hint) == ("address_not_allowed", True)


PRIVATE = [
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1",
    "240.0.0.1", "255.255.255.255", "192.0.2.1", "::", "::1", "fe80::1", "fe80::1%eth0", "fd00::1", "ff02::1", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:0:7f00:1::80ff:fffe", "2001:db8::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_not_public(address: str) -> None:
    assert not is_public(address)
    with pytest.raises(UserError):
        AddressRules().require_reachable("example.org", ["8.8.8.8", address])
    AddressRules(allows_private=True).require_reachable("example.org", [address])


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public(address: str) -> None:
    assert is_public(address)
    AddressRules().require_reachable("example.org", [address])
