"""Names and what is derived from them."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitalign.core.names import (
    backup_name,
    branch_of,
    display,
    file_name_for,
    is_backup_name,
    is_zero,
    name_fault,
    ref_of,
    shell_word,
    zero_like,
)


def test_refs_and_branches_are_inverse() -> None:
    assert branch_of(ref_of("-x")) == "-x"
    with pytest.raises(ValueError):
        branch_of("refs/tags/x")


def test_zero_ids() -> None:
    assert is_zero(zero_like("a" * 64))
    assert len(zero_like("a" * 40)) == 40
    assert not is_zero("0" * 39 + "1")
    assert not is_zero("")


@pytest.mark.parametrize("name", ["backup-feature/x-pre-align", "backup-x-pre-align-20260101-120000-abcdef"])
def test_backups_are_known_by_name(name: str) -> None:
    assert is_backup_name(name)


@pytest.mark.parametrize("name", ["backup-x", "my-backup-x-pre-align", "backup-x-pre-alignment"])
def test_lookalikes_are_no_backups(name: str) -> None:
    assert not is_backup_name(name)


def test_backup_prefix_is_taken_literally() -> None:
    assert is_backup_name(backup_name("x", prefix="a.b"), prefix="a.b")
    assert not is_backup_name("aXb-x-pre-align", prefix="a.b")


def test_display_hides_what_could_steer_a_terminal() -> None:
    assert display("a\x1b[31mb") == "a\\x1b[31mb"
    assert display("caf\udce9") == "caf\\xe9"
    assert display("a\u202eb") == "a\\u202eb"
    assert display("grün/日本") == "grün/日本"
    assert display("a\u2028b\ufeff\ud800\U000e0041") == "a\\u2028b\\ufeff\\ud800\\ue0041"


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40).map(
        lambda one: one + "\udce9"
    )
)
def test_a_shell_reads_back_the_very_name(name: str) -> None:
    word = shell_word(name)
    assert display(word) == word
    said = subprocess.run(["bash", "-c", f"printf %s {word}"], capture_output=True, check=True).stdout
    assert said == name.encode("utf-8", "surrogateescape")


@given(st.text(min_size=1, max_size=200), st.text(min_size=1, max_size=200))
def test_file_names_are_safe_and_distinct(one: str, other: str) -> None:
    names = [file_name_for(branch) for branch in (one, other)]
    for name in names:
        assert "/" not in name
        assert "\\" not in name
        assert name not in (".", "..", "")
        assert len(name) <= 120
        assert name.isascii()
    assert (names[0] == names[1]) == (one == other)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("feature/größe@2", None),
        ("-x", None),
        ("HEAD", None),
        ("@", None),
        ("", "is empty"),
        ("a b", "holds a space"),
        ("a\tb", "holds '\\t'"),
        ("a~1", "holds '~'"),
        ("a..b", "holds .."),
        ("a@{1}", "holds @{"),
        ("a//b", "holds //"),
        ("/a", "begins with /"),
        ("a/", "ends with /"),
        ("a.", "or ."),
        ("a/.b", "begins with ."),
        ("a.lock/b", ".lock"),
    ],
)
def test_names_that_git_allows(name: str, fault: str | None) -> None:
    """Edge case 28."""
    found = name_fault(name)
    assert (found is None) == (fault is None)
    assert fault is None or fault in (found or "")
