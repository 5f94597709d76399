"""Resolving by hand: sessions survive whatever happens meanwhile, and only a proved result moves a branch."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.manual_resolution import Look, Stand
from gitalign.core.outcome import Aligned, AlignedKind, DropReason, Failed
from gitalign.core.plan import Permit
from gitalign.core.report import Report, Verdict
from gitalign.errors import NotPermitted, UserError
from tests.git.workspace import Workspace
from tests.runs import branch, request, run

LINES = b"".join(b"line %d\n" % number for number in range(30))
MESSAGE = "second\n\n#123 is a number, no comment\n\n\n\ttabs and   blanks   \nend"


def changed(**lines: bytes) -> bytes:
    content = LINES
    for number, new in lines.items():
        content = content.replace(b"line %d\n" % int(number[1:]), new + b"\n")
    return content


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    """`topic`: three commits, of which the first and the third conflict; `merging` and `deleted` conflict, too."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": LINES, "g": LINES, "h": LINES})
    work.switch("topic", "main")
    work.commit("first", {"f": changed(l3=b"three of topic")})
    work.commit(MESSAGE, {"own": b"1\n"})
    work.commit("third", {"g": changed(l7=b"seven of topic")})
    work.switch("deleted", "main")
    work.commit("delete", {"h": None})
    work.switch("side", "main")
    work.commit("side", {"side": b"1\n"})
    work.switch("merging", "main")
    work.commit("mine", {"f": changed(l3=b"three of merging")})
    work.git("merge", "-q", "--no-ff", "-m", "merge side", "side")
    work.switch("main")
    work.commit("on", {"f": changed(l3=b"three of main"), "g": changed(l7=b"seven of main"), "h": LINES + b"more\n"})
    return work


def write(look: Look, files: Mapping[str, bytes | None]) -> None:
    for name, content in files.items():
        place = Path(look.session.folder) / name
        if content is None:
            place.unlink(missing_ok=True)
        else:
            place.write_bytes(content)


def inside(look: Look, *words: str, check: bool = True) -> str:
    done = subprocess.run(
        ["git", *words],
        cwd=look.session.folder,
        capture_output=True,
        text=True,
        check=check,
        env={"PATH": "/usr/bin:/bin", "GIT_EDITOR": "true", "HOME": "/nowhere"},
    )
    return done.stdout


def resolved(work: Workspace, name: str, files: Mapping[str, bytes | None]) -> Look:
    asked = request(work.path)
    write(facade.resolve(asked, name), files)
    facade.resolve_stage(asked, name)
    return facade.resolve_continue(asked, name)


def finish(work: Workspace, name: str) -> Report:
    return facade.resolve_finish(request(work.path), name, permit=Permit(plan_id="*"))


def test_step_by_step(work: Workspace) -> None:
    asked = request(work.path)
    before = work.git("rev-parse", "topic")
    look = facade.resolve(asked, "topic")
    assert (look.stand, look.position, look.total, look.paths) == (Stand.STOPPED, 1, 3, ("f",))
    assert look.subject == "first"
    assert {entry.stage for entry in look.entries} == {1, 2, 3}
    with pytest.raises(UserError, match="still in conflict at f"):
        facade.resolve_continue(asked, "topic")
    with pytest.raises(UserError, match="markers are left in f"):
        facade.resolve_stage(asked, "topic")
    look = resolved(work, "topic", {"f": changed(l3=b"three of both")})
    assert (look.stand, look.position, look.paths) == (Stand.STOPPED, 3, ("g",))
    assert work.git("rev-parse", "topic") == before
    look = resolved(work, "topic", {"g": changed(l7=b"seven of both")})
    assert look.stand is Stand.DONE
    with pytest.raises(NotPermitted):
        facade.resolve_finish(asked, "topic")
    report = finish(work, "topic")
    assert branch(report, "topic").verdict is Verdict.ALIGNED
    assert work.git("show", "topic:f").encode() + b"\n" == changed(l3=b"three of both")
    assert work.git("merge-base", "topic", "main") == work.git("rev-parse", "main")
    messages = [work.git("log", "-1", "--format=%B", name) for name in ("topic~1", f"{before}~1")]
    assert messages[0] == messages[1]
    assert "#123 is a number" in messages[0]
    assert work.git("log", "--format=%an %ae %ad", "main..topic") == work.git(
        "log", "-3", "--format=%an %ae %ad", before
    )
    assert facade.resolutions_under_way(asked) == ()
    assert all(proof.holds for proof in facade.verify(asked))
    assert work.git("worktree", "list").count("\n") == 0
    facade.undo(asked, "last", permit=Permit(plan_id="*"))
    assert work.git("rev-parse", "topic") == before


def test_aborting_restores_everything(work: Workspace) -> None:
    asked = request(work.path)
    refs = work.git("for-each-ref", "refs/heads")
    look = facade.resolve(asked, "topic")
    write(look, {"f": b"half done\n"})
    facade.resolve_abort(asked, "topic")
    assert work.git("for-each-ref", "refs/heads") == refs
    assert not Path(look.session.folder).exists()
    assert work.git("worktree", "list").count("\n") == 0
    assert work.git("status", "--porcelain") == ""
    with pytest.raises(UserError, match="topic is not being resolved"):
        facade.resolve_abort(asked, "topic")
    assert facade.resolve(asked, "topic").position == 1, "it can be begun again"


def test_a_person_may_finish_it_with_git_alone(work: Workspace) -> None:
    asked = request(work.path)
    look = facade.resolve(asked, "topic")
    for name, content in (("f", changed(l3=b"x")), ("g", changed(l7=b"y"))):
        write(look, {name: content})
        inside(look, "add", name)
        words = ("-c", "user.name=Me", "-c", "user.email=me@example.org", "rebase", "--continue")
        inside(look, *words, check=name == "g")
    assert facade.resolve(asked, "topic").stand is Stand.DONE
    assert branch(finish(work, "topic"), "topic").verdict is Verdict.ALIGNED


def test_a_person_may_end_it_with_git_alone(work: Workspace) -> None:
    asked = request(work.path)
    look = facade.resolve(asked, "topic")
    inside(look, "rebase", "--abort")
    assert facade.resolve(asked, "topic").stand is Stand.LEFT
    with pytest.raises(UserError, match="not resolved yet"):
        finish(work, "topic")
    facade.resolve_abort(asked, "topic")


def test_a_deleted_work_tree_is_noticed(work: Workspace) -> None:
    asked = request(work.path)
    look = facade.resolve(asked, "topic")
    shutil.rmtree(look.session.folder)
    assert facade.resolve(asked, "topic").stand is Stand.GONE
    facade.resolve_abort(asked, "topic")
    assert facade.resolve(asked, "topic").stand is Stand.STOPPED


def test_skipping_leaves_a_commit_out_and_says_so(work: Workspace) -> None:
    asked = request(work.path)
    facade.resolve(asked, "topic")
    assert facade.resolve_skip(asked, "topic").paths == ("g",)
    assert facade.resolve_skip(asked, "topic").stand is Stand.DONE
    outcome = branch(finish(work, "topic"), "topic").result.outcome
    assert isinstance(outcome, Aligned)
    assert [(drop.reason, drop.subject) for drop in outcome.dropped] == [
        (DropReason.LEFT_OUT, "first"),
        (DropReason.LEFT_OUT, "third"),
    ]
    assert work.git("log", "--format=%s", "main..topic") == "second"


def test_a_file_that_one_side_deleted(work: Workspace) -> None:
    asked = request(work.path)
    look = facade.resolve(asked, "deleted")
    assert [entry.stage for entry in look.entries] == [1, 2]
    assert any("rm -- h" in command for command, _ in look.commands())
    assert resolved(work, "deleted", {"h": None}).stand is Stand.DONE
    finish(work, "deleted")
    assert "h" not in work.git("ls-tree", "--name-only", "deleted").split()


def test_a_branch_with_merges_is_resolved_by_merging(work: Workspace) -> None:
    asked = request(work.path)
    before = work.git("rev-parse", "merging")
    look = facade.resolve(asked, "merging")
    assert look.session.is_merge
    with pytest.raises(UserError, match="left out"):
        facade.resolve_skip(asked, "merging")
    assert resolved(work, "merging", {"f": changed(l3=b"both")}).stand is Stand.DONE
    outcome = branch(finish(work, "merging"), "merging").result.outcome
    assert isinstance(outcome, Aligned)
    assert outcome.how is AlignedKind.MERGED
    assert work.git("rev-parse", "merging^1") == before
    assert work.git("rev-parse", "merging^2") == work.git("rev-parse", "main")


def test_a_commit_that_is_none_of_the_branch_is_refused_and_nothing_is_lost(work: Workspace) -> None:
    asked = request(work.path)
    facade.resolve(asked, "topic")
    facade.resolve_skip(asked, "topic")
    look = facade.resolve_skip(asked, "topic")
    write(look, {"more": b"1\n"})
    inside(look, "add", "more")
    inside(look, "-c", "user.name=Me", "-c", "user.email=me@example.org", "commit", "-qm", "one more")
    with pytest.raises(UserError, match="no counterpart"):
        finish(work, "topic")
    assert facade.resolve(asked, "topic").stand is Stand.DONE


def test_a_branch_that_moved_meanwhile_is_not_overwritten(work: Workspace) -> None:
    asked = request(work.path)
    facade.resolve(asked, "topic")
    facade.resolve_skip(asked, "topic")
    facade.resolve_skip(asked, "topic")
    work.switch("topic")
    newer = work.commit("newer", {"newer": b"1\n"})
    work.switch("main")
    assert facade.resolve(asked, "topic").has_moved
    report = finish(work, "topic")
    assert branch(report, "topic").verdict is Verdict.REFUSED
    assert work.git("rev-parse", "topic") == newer
    assert facade.resolve(asked, "topic").stand is Stand.DONE, "the work of the person is still there"


def test_a_result_that_detection_refuses_does_not_move_the_branch(work: Workspace) -> None:
    before = work.git("rev-parse", "topic")
    work.switch("json", "main~1")
    work.commit("json", {"x.json": b'{"a": 1}\n'})
    work.switch("main")
    work.commit("json, too", {"x.json": b'{"a": 2}\n'})
    resolved(work, "json", {"x.json": b'{"a": }\n'})
    outcome = branch(finish(work, "json"), "json").result.outcome
    assert isinstance(outcome, Failed)
    assert outcome.code == "error_detection"
    assert work.git("rev-parse", "topic") == before
    look = facade.resolve(request(work.path), "json")
    assert look.stand is Stand.DONE


def test_six_at_once_and_a_garbage_collection(work: Workspace) -> None:
    asked = request(work.path)
    for number in range(6):
        work.switch(f"many/{number}", "main~1")
        work.commit(f"many {number}", {"f": changed(l3=b"%d" % number)})
    work.switch("main")
    looks = [facade.resolve(asked, f"many/{number}") for number in range(6)]
    assert len(facade.resolutions_under_way(asked)) == 6
    for look in looks[:3]:
        write(look, {"f": changed(l3=b"resolved")})
        inside(look, "add", "f")
    work.git("gc", "--quiet", "--prune=now")
    for number in range(3):
        assert facade.resolve_continue(asked, f"many/{number}").stand is Stand.DONE
        assert branch(finish(work, f"many/{number}"), f"many/{number}").verdict is Verdict.ALIGNED
    assert len(facade.resolutions_under_way(asked)) == 3
    report = run(work.path)
    assert branch(report, "many/5").verdict is Verdict.CONFLICTED


def test_what_cannot_be_resolved_is_said(work: Workspace, tmp_path: Path) -> None:
    asked = request(work.path)
    with pytest.raises(UserError, match="there is no such branch"):
        facade.resolve(asked, "nobody")
    with pytest.raises(UserError, match="main"):
        facade.resolve(asked, "main")
    work.git("branch", "even", "main")
    with pytest.raises(UserError, match="nothing has to be merged"):
        facade.resolve(asked, "even")
    taken = tmp_path / "taken"
    taken.mkdir()
    with pytest.raises(UserError, match="already exists"):
        facade.resolve(asked, "topic", folder=taken)
    assert facade.resolutions_under_way(asked) == ()


def test_hooks_of_the_repository_do_not_run(work: Workspace, tmp_path: Path) -> None:
    for name in ("post-checkout", "pre-rebase", "post-rewrite", "pre-commit", "commit-msg", "post-commit"):
        hook = work.path / ".git" / "hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path / 'ran'}\n")
        hook.chmod(0o755)
    resolved(work, "topic", {"f": changed(l3=b"x")})
    resolved(work, "topic", {"g": changed(l7=b"x")})
    finish(work, "topic")
    assert not (tmp_path / "ran").exists()


def test_what_a_person_settled_is_applied_to_the_next_branch_that_meets_it(work: Workspace) -> None:
    work.switch("same", "main~1")
    work.commit("the same clash", {"f": changed(l3=b"three of topic"), "own-same": b"1\n"})
    work.switch("other", "main~1")
    work.commit("another clash", {"f": changed(l3=b"three of other")})
    work.switch("main")
    known = request(work.path, resolutions__rr_cache="off")
    assert facade.resolutions(known) == ((), ())
    resolved(work, "topic", {"f": changed(l3=b"three of both")})
    assert len(facade.resolutions(known)[0]) == 1
    report = run(work.path, resolutions__apply=True)
    same = branch(report, "same").result.outcome
    assert isinstance(same, Aligned)
    assert [(one.path, one.recorded_by) for one in same.resolved] == [("f", "O Perator <operator@example.org>")]
    assert work.git("show", "same:f").encode() + b"\n" == changed(l3=b"three of both")
    assert branch(report, "other").verdict is Verdict.CONFLICTED


def test_the_conflict_is_recorded_as_git_left_it_where_another_algorithm_sees_another_one(tmp_path: Path) -> None:
    """`git merge-file` compares otherwise than a rebase, and finds other conflicts in this file."""
    base, ours, theirs = (
        b"b\n\n\nb\n{\n\n}\nx = 1\n\na\n\na\n}\n{\n",
        b"b\n\n\nx = 1\n{\n\n}\n\nx = 1\na\n\na\n}\n{\n",
        b"b\n\n\n{\n\n}\nx = 1\n\na\n\na\n}\n{\n",
    )
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": base})
    for name in ("first", "second"):
        work.switch(name, "main")
        work.commit("clash", {"f": theirs, name: b"1\n"})
    work.switch("main")
    work.commit("on", {"f": ours})
    marked = Path(facade.resolve(request(work.path), "first").session.folder) / "f"
    settled = b"".join(
        line for line in marked.read_bytes().splitlines(keepends=True) if line[:7] not in (b"<" * 7, b"=" * 7, b">" * 7)
    )
    facade.resolve_abort(request(work.path), "first")
    resolved(work, "first", {"f": settled})
    report = run(work.path, only=("second",), resolutions__apply=True)
    outcome = branch(report, "second").result.outcome
    assert isinstance(outcome, Aligned)
    assert work.git("show", "second:f").encode() + b"\n" == settled


def test_commands_are_told_so_that_a_shell_takes_them(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    names = ["-dash", "with space", "quote'd", os.fsdecode(b"l\xe9.txt")]
    work.commit("base", dict.fromkeys(names, b"base\n"))
    work.switch("topic", "main")
    work.commit("topic", dict.fromkeys(names, b"topic\n"))
    work.switch("main")
    work.commit("on", dict.fromkeys(names, b"main\n"))
    look = facade.resolve(request(work.path), "topic")
    told = [command for command, why in look.commands() if " add " in command]
    write(look, dict.fromkeys(names, b"both\n"))
    for command in told:
        subprocess.run(["bash", "-c", command], check=True)
    assert inside(look, "ls-files", "--unmerged") == ""
    assert len(told) == len(names)


def test_resolving_moves_no_other_branch_whatever_the_configuration_says(work: Workspace) -> None:
    """`rebase.updateRefs` would move the branch itself and those below it, the others would reorder or stash."""
    work.git("branch", "below", "topic~1")
    work.switch("topic")
    work.commit("fixup! first", {"own": b"2\n"})
    work.switch("main")
    for name in ("rebase.updateRefs", "rebase.autoSquash", "rebase.autoStash"):
        work.git("config", name, "true")
    refs = work.git("for-each-ref", "refs/heads")
    look = facade.resolve(request(work.path), "topic")
    assert (look.subject, look.total) == ("first", 4)
    write(look, {"f": changed(l3=b"three of both")})
    inside(look, "add", "f")
    look = facade.resolve_continue(request(work.path), "topic")
    assert look.subject == "third"
    write(look, {"g": changed(l7=b"seven of both")})
    inside(look, "add", "g")
    assert facade.resolve_continue(request(work.path), "topic").stand is Stand.DONE
    assert work.git("for-each-ref", "refs/heads") == refs
    made = inside(look, "log", "--format=%s", "main..HEAD").splitlines()
    assert (made[0], made[-1]) == ("fixup! first", "first")
    facade.resolve_abort(request(work.path), "topic")
    assert work.git("for-each-ref", "refs/heads") == refs
