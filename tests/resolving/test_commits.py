"""Edge case 55: what resolving publishes is made of the branch's own bytes, signed as a run signs, and of nothing that nobody saw."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.commit import RawCommit, parse_commit
from gitalign.core.manual_resolution import Look, Stand
from gitalign.core.plan import Permit
from gitalign.core.report import Report, Verdict
from gitalign.core.stand_in import needs_stand_in
from gitalign.engine.resolution import carrying
from gitalign.errors import GitError, UserError
from gitalign.git.repository import open_repository
from gitalign.git.trees import write_commit
from tests import needs
from tests.engine.held import held_for_nothing
from tests.git.workspace import Workspace
from tests.runs import branch, request, run

CONFLICT = re.compile(rb"<<<<<<< .*?=======\n(.*?)>>>>>>> [^\n]*\n", re.DOTALL)
PLAIN = b"A U Thor <author@example.org> 1700000000 +0000"
ODD: dict[str, tuple[bytes, bytes, bytes]] = {
    # name: author, message, encoding
    "comment": (PLAIN, b"#123 is how this message begins\n", b""),
    "only comments": (PLAIN, b"# nothing else\n# at all\n", b""),
    "comment below": (PLAIN, b"subject\n\n#hash\n; semicolon\n", b""),
    "empty": (PLAIN, b"", b""),
    "blank": (PLAIN, b"\n \n", b""),
    "latin": (PLAIN, "Grüße\n".encode("latin-1"), b"ISO-8859-1"),
    "latin without a word of it": (PLAIN, "Grüße\n".encode("latin-1"), b""),
    "no line end": (PLAIN, b"no line end", b""),
    "blanks": (PLAIN, b"subject  \n\n\n\n\tbody  \n\n\n", b""),
    "no name": (b" <author@example.org> 1700000000 +0000", b"no name\n", b""),
    "no address": (b"A U Thor <> 1700000000 +0000", b"no address\n", b""),
    "crud": (b"A. U. Thor, Jr. <author@example.org> 1700000000 +0000", b"crud\n", b""),
    "zone": (b"A U Thor <author@example.org> 1700000000 +051800", b"zone\n", b""),
    "minus zero": (b"A U Thor <author@example.org> 1700000000 -0000", b"minus zero\n", b""),
    "far zone": (b"A U Thor <author@example.org> 1700000000 +9900", b"far zone\n", b""),
    "date 0": (b"A U Thor <author@example.org> 0 +0000", b"date 0\n", b""),
    "far date": (b"A U Thor <author@example.org> 99999999999 +0000", b"far date\n", b""),
    "latin name": ("Jürgen <j@example.org> 1700000000 +0000".encode("latin-1"), b"latin name\n", b""),
}


def lines(**changed: str) -> bytes:
    return b"".join(f"{changed.get(f'l{number}', f'line {number}')}\n".encode() for number in range(60))


def built(
    work: Workspace, commits: Mapping[str, tuple[bytes, bytes, bytes]], *, clashing: bool = True
) -> list[RawCommit]:
    """`topic`, with one commit for each; every second one clashes with main. What they were, oldest first."""
    work.commit("base", {"f": lines(), "g": lines()})
    repository = open_repository(work.path)
    at = work.tip("main")
    made: list[RawCommit] = []
    changed: dict[str, str] = {}
    work.switch("topic", "main")
    for number, (author, message, encoding) in enumerate(commits.values()):
        if clashing and number % 2 == 0:
            changed[f"l{3 * number}"] = f"topic {number}"
        (work.path / "f").write_bytes(lines(**changed))
        (work.path / f"own{number}").write_bytes(b"1\n")
        work.git("add", "-A")
        headers = [(b"tree", work.git("write-tree").encode()), (b"parent", at.encode()), (b"author", author)]
        headers += [(b"committer", PLAIN), *([(b"encoding", encoding)] if encoding else [])]
        made.append(RawCommit(tuple(headers), message))
        at = write_commit(repository.git, made[-1])
    work.git("update-ref", "refs/heads/topic", at)
    work.git("reset", "-q", "--hard")
    work.switch("main")
    work.commit("on", {"f": lines(**{f"l{3 * number}": f"main {number}" for number in range(0, len(commits), 2)})})
    return made


def settle(look: Look) -> None:
    """Take the branch's side of every conflict, and add it."""
    folder = Path(look.session.folder)
    for path in look.paths:
        content = (folder / path).read_bytes()
        (folder / path).write_bytes(CONFLICT.sub(rb"\1", content))
        subprocess.run(["git", "add", path], cwd=folder, check=True)


def finish(work: Workspace) -> Report:
    return facade.resolve_finish(request(work.path), "topic", permit=Permit(plan_id="*"))


def own_commits(work: Workspace) -> list[RawCommit]:
    ids = work.git("rev-list", "--reverse", "main..topic").split()
    repository = open_repository(work.path)
    return [parse_commit(repository.git.run("cat-file", "commit", oid).stdout) for oid in ids]


def as_told(commits: list[RawCommit]) -> list[tuple[bytes, bytes, list[bytes]]]:
    return [(one.author, one.message, [value for name, value in one.headers if name == b"encoding"]) for one in commits]


def test_odd_messages_and_authors_survive_byte_for_byte(tmp_path: Path) -> None:
    """Edge cases 16, 17, 21, 55."""
    work = Workspace(tmp_path / "repo")
    before = built(work, ODD)
    asked = request(work.path)
    look = facade.resolve(asked, "topic")
    stops = 0
    while look.stand is Stand.STOPPED:
        stops += 1
        settle(look)
        look = facade.resolve_continue(asked, "topic")
    assert stops == len(ODD) / 2
    assert look.stand is Stand.DONE
    assert look.differing == ()
    assert branch(finish(work), "topic").verdict is Verdict.ALIGNED
    assert as_told(own_commits(work)) == as_told(before)
    assert all(proof.holds for proof in facade.verify(asked))


TOGETHER = 1 if needs.IS_THOROUGH else 6
"""So many odd ones in one branch; alone, each is surely not helped by its neighbours."""


@pytest.mark.parametrize(
    "names", [list(ODD)[at : at + TOGETHER] for at in range(0, len(ODD), TOGETHER)], ids=" and ".join
)
def test_odd_ones_survive_git_alone(tmp_path: Path, names: list[str]) -> None:
    """A person types `git rebase --continue` to the end: in git's list stand-ins stand for what git would not carry.

    Each odd one is stopped at once, and carried over once.
    """
    work = Workspace(tmp_path / "repo")
    twice = {f"{name} {time}": ODD[name] for name in names for time in ("stopped at", "carried")}
    before = built(work, {"one": (PLAIN, b"one\n", b""), "two": (PLAIN, b"two\n", b""), **twice})
    own = work.git("rev-list", "topic").split()
    look = facade.resolve(request(work.path), "topic")
    for _ in range(1 + len(names)):
        assert look.stand is Stand.STOPPED
        assert look.stopped_at in own
        settle(look)
        work.git("-C", look.session.folder, "rebase", "--continue", check=False, env={"GIT_EDITOR": "true"})
        look = facade.resolve(request(work.path), "topic")
    assert look.stand is Stand.DONE
    assert branch(finish(work), "topic").verdict is Verdict.ALIGNED
    assert as_told(own_commits(work)) == as_told(before)


def test_no_more_commits_than_needed_are_stood_for(tmp_path: Path) -> None:
    """A person sees the real commits in git's list wherever git carries them unchanged."""
    work = Workspace(tmp_path / "repo")
    plain = [one.message for one in built(work, ODD, clashing=False) if not needs_stand_in(one)]
    assert plain == [b"no line end", b"subject  \n\n\n\n\tbody  \n\n\n", b"date 0\n"]


@pytest.mark.parametrize("strategy", ["rebase", "merge"])
def test_what_a_run_signs_resolving_signs(tmp_path: Path, strategy: str) -> None:
    work = Workspace(tmp_path / "repo")
    built(work, {"one": (PLAIN, b"one\n", b""), "two": (PLAIN, b"two\n", b"")})
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    for name, value in (("gpg.format", "ssh"), ("user.signingKey", str(key)), ("commit.gpgsign", "true")):
        work.git("config", name, value)
    asked = request(work.path, strategy=strategy)
    settle(facade.resolve(asked, "topic"))
    assert facade.resolve_continue(asked, "topic").stand is Stand.DONE
    assert branch(finish(work), "topic").verdict is Verdict.ALIGNED
    made = own_commits(work)
    assert all(one.is_signed for one in (made if strategy == "rebase" else made[-1:]))
    key.unlink()
    (tmp_path / "key.pub").unlink()


def test_what_cannot_be_signed_is_not_published(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    built(work, {"one": (PLAIN, b"one\n", b"")})
    tip = work.tip("topic")
    settle(facade.resolve(request(work.path), "topic"))
    facade.resolve_continue(request(work.path), "topic")
    for name, value in (("gpg.format", "ssh"), ("user.signingKey", "/nowhere"), ("commit.gpgsign", "true")):
        work.git("config", name, value)
    with pytest.raises(GitError, match="sign"):
        finish(work)
    assert work.tip("topic") == tip
    assert facade.resolve(request(work.path), "topic").stand is Stand.DONE


@pytest.fixture
def driven(tmp_path: Path) -> Workspace:
    """A merge driver that settles everything by taking the branch's side."""
    work = Workspace(tmp_path / "repo")
    work.commit("attributes", {".gitattributes": b"f merge=ours-is-right\n"})
    driver = f"touch {tmp_path / 'driven'}; cp %B %A"
    work.git("config", "merge.ours-is-right.driver", driver)
    built(work, {name: (PLAIN, name.encode() + b"\n", b"") for name in ("one", "two", "three")})
    return work


@pytest.mark.parametrize("strategy", ["rebase", "merge"])
def test_a_merge_driver_settles_nothing_unseen(driven: Workspace, tmp_path: Path, strategy: str) -> None:
    asked = request(driven.path, strategy=strategy)
    assert branch(run(driven.path, strategy=strategy), "topic").verdict is Verdict.CONFLICTED
    look = facade.resolve(asked, "topic")
    assert (look.stand, look.paths) == (Stand.STOPPED, ("f",))
    assert not (tmp_path / "driven").exists()
    assert b"<<<<<<< HEAD" in (Path(look.session.folder) / "f").read_bytes()


def test_what_a_merge_driver_settled_under_git_alone_is_asked_about(driven: Workspace, tmp_path: Path) -> None:
    asked = request(driven.path)
    tip = driven.tip("topic")
    look = facade.resolve(asked, "topic")
    settle(look)
    driven.git("-C", look.session.folder, "rebase", "--continue", env={"GIT_EDITOR": "true"})
    assert (tmp_path / "driven").exists()
    look = facade.resolve(asked, "topic")
    assert look.stand is Stand.DONE
    assert [one.split(" ", 1)[1] for one in look.differing] == ["three"]
    with pytest.raises(UserError, match="three"):
        finish(driven)
    assert driven.tip("topic") == tip
    assert [one.split(" ", 1)[1] for one in facade.resolve_continue(asked, "topic").differing] == ["three"]
    assert facade.resolve(asked, "topic").differing == (), "a person was shown it"
    assert branch(finish(driven), "topic").verdict is Verdict.ALIGNED


@pytest.mark.parametrize("at", ["_clear", "stop_rebase", "put_conflict"])
def test_a_death_between_two_stops_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    work = Workspace(tmp_path / "repo")
    before = built(work, {name: (PLAIN, name.encode() + b"\n", b"") for name in ("one", "two", "three", "four")})
    asked = request(work.path)
    settle(facade.resolve(asked, "topic"))

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(carrying, at, dies)
        with pytest.raises(KeyboardInterrupt):
            facade.resolve_continue(asked, "topic")
    look = facade.resolve(asked, "topic")
    assert (look.stand, look.position, look.total) == (Stand.READY, 2, 4)
    with pytest.raises(UserError, match="not resolved yet"):
        finish(work)
    look = facade.resolve_continue(asked, "topic")
    assert (look.stand, look.position) == (Stand.STOPPED, 3)
    assert look.paths == ("f",)
    settle(look)
    assert facade.resolve_continue(asked, "topic").stand is Stand.DONE
    assert branch(finish(work), "topic").verdict is Verdict.ALIGNED
    assert as_told(own_commits(work)) == as_told(before)
    assert held_for_nothing(work.path / ".git") == []


def test_an_operator_whom_only_the_environment_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = Workspace(tmp_path / "repo")
    built(work, {"one": (PLAIN, b"one\n", b"")})
    for key in ("user.name", "user.email"):
        work.git("config", "--unset", key)
    work.git("config", "user.useConfigOnly", "true")
    for index, (key, value) in enumerate((("user.name", "From Outside"), ("user.email", "outside@example.org"))):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{index}", key)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{index}", value)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "2")
    settle(facade.resolve(request(work.path), "topic"))
    facade.resolve_continue(request(work.path), "topic")
    assert branch(finish(work), "topic").verdict is Verdict.ALIGNED
    assert work.git("log", "-1", "--format=%cn <%ce>", "topic") == "From Outside <outside@example.org>"


def test_a_session_that_an_earlier_release_began(tmp_path: Path) -> None:
    """There git itself carries the commits."""
    work = Workspace(tmp_path / "repo")
    before = built(work, {name: (PLAIN, name.encode() + b"\n", b"") for name in ("one", "two", "three")})
    look = facade.resolve(request(work.path), "topic")
    inside = Path(work.git("-C", look.session.folder, "rev-parse", "--absolute-git-dir"))
    work.git("-C", look.session.folder, "rebase", "--abort")
    (inside / "git-align-course").unlink()
    work.git("-C", look.session.folder, "rebase", look.session.onto, check=False)
    look = facade.resolve(request(work.path), "topic")
    while look.stand is Stand.STOPPED:
        settle(look)
        look = facade.resolve_continue(request(work.path), "topic")
    assert (look.stand, look.differing) == (Stand.DONE, ())
    assert branch(finish(work), "topic").verdict is Verdict.ALIGNED
    assert as_told(own_commits(work)) == as_told(before)


def test_a_list_of_commits_that_a_person_rewrote_is_left_to_git(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    before = built(work, {name: (PLAIN, name.encode() + b"\n", b"") for name in ("one", "two", "three")})
    work.git("config", "core.commentChar", ";")
    look = facade.resolve(request(work.path), "topic")
    inside = Path(work.git("-C", look.session.folder, "rev-parse", "--absolute-git-dir"))
    todo = inside / "rebase-merge" / "git-rebase-todo"
    todo.write_text(f"exec touch {tmp_path / 'ran'}\n{todo.read_text()}")
    settle(look)
    look = facade.resolve_continue(request(work.path), "topic")
    assert (tmp_path / "ran").exists()
    assert look.stand is Stand.STOPPED
    settle(look)
    assert facade.resolve_continue(request(work.path), "topic").stand is Stand.DONE
    assert branch(finish(work), "topic").verdict is Verdict.ALIGNED
    assert as_told(own_commits(work)) == as_told(before)
