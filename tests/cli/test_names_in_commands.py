"""Names that a repository chose, in commands a person pastes and in what is read by machines."""

from __future__ import annotations

import json
import shlex
import sqlite3
import subprocess
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.names import LONGEST_PART_BYTES, backup_name, command_on, is_backup_name
from gitalign.core.plan import Permit
from gitalign.core.publication import MoveState
from gitalign.git.command import said_in
from tests.cli.test_verbs import call
from tests.git.workspace import Workspace

HOSTILE = (
    "$(touch${IFS}pwned)",
    "`touch pwned`".replace(" ", "${IFS}"),
    "a;touch${IFS}pwned",
    "'q'&x",
    "-x",
    'dq"$HOME',
)


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"list": b"1\n"})
    return work


@pytest.mark.parametrize("name", [*HOSTILE, "caf\udce9", "tab\tname"])
def test_a_shell_reads_a_name_in_a_command_as_one_argument(name: str, tmp_path: Path) -> None:
    typed = command_on("printf %s", name).replace("-- ", "", 1)
    done = subprocess.run(["bash", "-c", typed], cwd=tmp_path, capture_output=True, check=True)
    assert done.stdout == name.encode("utf-8", "surrogateescape")
    assert list(tmp_path.iterdir()) == []
    assert (" -- " in command_on("git align show last", name)) == name.startswith("-")


def _advised(text: str) -> list[str]:
    return [line.partition("next:")[2].partition("   ")[0] for line in text.splitlines() if "next:" in line]


def test_every_command_that_is_shown_can_be_pasted(work: Workspace, tmp_path: Path) -> None:
    """Terminal, JSON, and the hints of errors: what follows `next:` names the branch as one word."""
    for name in HOSTILE:
        work.git("update-ref", f"refs/heads/{name}", work.git("commit-tree", "main^{tree}", "-p", "main", "-m", name))
    work.git("switch", "-q", "--detach", HOSTILE[0])
    for name in HOSTILE:
        work.git("switch", "-q", "--detach", f"refs/heads/{name}")
        work.git("update-ref", f"refs/heads/{name}", work.commit(name, {"list": b"mine\n"}))
    work.git("switch", "-q", "main")
    work.commit("main", {"list": b"theirs\n"})
    for name in HOSTILE:
        done = call("run", "--yes", "--only", f"*{name[1:4].replace('[', '?')}*", cwd=work.path)
        assert done.returncode == 1, done.stderr
        (conflicts,) = _advised(done.stdout)
        assert shlex.split(conflicts)[:3] == ["git", "align", "conflicts"]
        shown = _advised(call(*shlex.split(conflicts)[2:], cwd=work.path).stdout)
        assert len(shown) == 2
        for line in shown:
            words = shlex.split(line)
            assert words[:2] == ["git", "align"]
            assert words[-1] in HOSTILE
            assert "--" in words or not words[-1].startswith("-")
        closed = call("resolve", "--continue", "--", name, cwd=work.path)
        assert shlex.split(closed.stderr.partition("next:")[2])[-1] == name
    again = call(*shlex.split(shown[0])[2:], cwd=work.path)
    assert again.returncode == 1, again.stderr
    assert "conflicts with" in again.stdout
    assert not (work.path / "pwned").exists()


@pytest.mark.parametrize("length", [234, 250])
def test_branches_with_long_names_are_moved_and_put_back(work: Workspace, length: int) -> None:
    """The backup's name would be longer than a file's name may be, or than the name of its lock."""
    names = ["x" * length, f"folder/{'ü' * (length // 2)}", f"{'d' * length}/{'e' * length}"]
    for number, name in enumerate(names):
        work.switch(name, "main")
        work.commit(name, {f"own{number}": b"1\n"})
        work.switch("main")
    work.commit("main", {"list": b"2\n"})
    before = {name: work.tip(f"refs/heads/{name}") for name in names}
    request = facade.Request(repo=work.path, overrides={"orchestration.enable_backup_branches": True})
    report = facade.run(request, permit=Permit(plan_id="*", given_by="test"))
    assert {one.state for one in report.publications} == {MoveState.MOVED}, [one.detail for one in report.publications]
    kept = {one.update.ref.removeprefix("refs/heads/"): one.backup_ref for one in report.publications}
    for name in names:
        assert kept[name] is not None
        assert work.tip(str(kept[name])) == before[name]
        assert is_backup_name(str(kept[name]).removeprefix("refs/heads/"))
    work.git("pack-refs", "--all")
    again = facade.plan(request)
    assert {one.branch.name for one in again.steps} == set(names)
    facade.undo(request, "last", permit=Permit(plan_id="*", given_by="test"))
    assert {name: work.tip(f"refs/heads/{name}") for name in names} == before


def test_names_of_backups_can_be_stored_and_stay_apart() -> None:
    assert backup_name("feature/x") == "backup-feature/x-pre-align"
    suffix = "-20261127-120000-abcdef"
    for branch in (
        "x" * 234,
        "x" * 250,
        "ü" * 125,
        "/".join(["y" * 250] * 15),
        ("a" * 226) + ".lock" + "b" * 19,
        "\udcff" * 250,
    ):
        for end in ("", suffix):
            name = backup_name(branch, suffix=end)
            assert is_backup_name(name)
            parts = [part.encode("utf-8", "surrogateescape") for part in name.split("/")]
            assert max(map(len, parts)) <= LONGEST_PART_BYTES
            assert sum(map(len, parts)) < 3_500
            checked = subprocess.run(["git", "check-ref-format", b"refs/heads/" + b"/".join(parts)], check=False)
            assert checked.returncode == 0
    assert backup_name("x" * 240 + "1") != backup_name("x" * 240 + "2")


def test_the_encoding_of_output_does_not_garble_anything(work: Workspace, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[i18n]\n\tlogOutputEncoding = UTF-16\n")
    work.git("config", "i18n.logOutputEncoding", "ISO-8859-1")
    work.switch("topic", "main")
    work.commit("Grüße an Łódź", {"list": b"mine\n"})
    work.switch("main")
    work.commit("Übung", {"list": b"theirs\n"})
    done = call(
        "run", "--yes", "--json", "--furthest", cwd=work.path, env={"GIT_CONFIG_GLOBAL": str(tmp_path / "config")}
    )
    (one,) = json.loads(done.stdout)["branches"]
    assert one["outcome"]["subject"] == "Grüße an Łódź"
    assert one["outcome"]["furthest"]["subject"] == "Übung"
    detail = json.loads(call("conflicts", "topic", "--json", cwd=work.path).stdout)["detail"]
    assert detail["branch_commits"][0]["subject"] == "Grüße an Łódź"


def test_what_git_says_is_one_readable_line() -> None:
    said = b"error: Your local changes would be overwritten by merge:\n\ta file\n\tanother\nPlease commit them.\nAborting\n"
    told = said_in(said)
    assert told == (
        "error: Your local changes would be overwritten by merge: a file; another; Please commit them. Aborting"
    )


@pytest.mark.parametrize(
    ("table", "column"), [("plans", "body"), ("results", "body"), ("publications", "body"), ("runs", "state")]
)
@pytest.mark.parametrize("damage", ["{", "[" * 5_000, '{"a": 1}', "9" * 5_000])
def test_damaged_rows_of_the_journal_name_their_run(work: Workspace, table: str, column: str, damage: str) -> None:
    from gitalign.errors import StoreError

    work.switch("topic", "main")
    work.commit("topic", {"own": b"1\n"})
    work.switch("main")
    work.commit("main", {"list": b"2\n"})
    request = facade.Request(repo=work.path)
    report = facade.run(request, permit=Permit(plan_id="*", given_by="test"))
    with sqlite3.connect(work.path / ".git/gitalign/gitalign.db") as base:
        base.execute(f"UPDATE {table} SET {column} = ?", (damage,))
    base.close()
    with pytest.raises(StoreError, match=report.run.id) as caught:
        facade.show(request, "last")
    assert caught.value.exit_code == 3
    assert len(caught.value.message) < 500
