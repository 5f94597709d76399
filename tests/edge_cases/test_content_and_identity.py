"""Edge cases of content and identity, end to end with real git."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitalign.core.outcome import Aligned, Conflicted, DropReason, Refused
from gitalign.core.report import Verdict
from tests import needs
from tests.git.workspace import Workspace
from tests.runs import branch, excluded, run

LINES = b"".join(b"line %d\n" % number for number in range(30))


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"list": LINES, "other": b"o\n"})
    return work


def aligned(outcome: object) -> Aligned:
    assert isinstance(outcome, Aligned), outcome
    return outcome


def test_became_empty_is_dropped_and_told_and_empty_from_the_start_is_kept(work: Workspace) -> None:
    """Edge case 1."""
    work.switch("x", "main")
    work.commit("same as main", {"list": LINES.replace(b"line 3\n", b"three\n")})
    work.commit("empty on purpose", allow_empty=True)
    work.commit("own", {"own": b"1\n"})
    work.switch("main")
    work.commit("more than that", {"list": LINES.replace(b"line 3\n", b"three\n"), "extra": b"e\n"})
    outcome = aligned(branch(run(work.path), "x").result.outcome)
    assert [(drop.reason, drop.subject) for drop in outcome.dropped] == [(DropReason.BECAME_EMPTY, "same as main")]
    assert work.git("log", "--format=%s", "main..x").splitlines() == ["own", "empty on purpose"]


def test_merged_branches_move_to_the_target_when_that_is_configured(work: Workspace) -> None:
    """Edge case 2."""
    work.git("branch", "merged", "main")
    work.switch("picked", "main")
    work.commit("change", {"list": LINES.replace(b"line 3\n", b"three\n")})
    work.switch("main")
    work.commit("something else", {"extra": b"e\n"})
    work.git("cherry-pick", "picked")
    report = run(work.path, already_merged="fast-forward")
    for name in ("merged", "picked"):
        assert branch(report, name).result.outcome.kind == "aligned"
        assert work.tip(name) == work.tip("main")
    outcome = aligned(branch(report, "picked").result.outcome)
    assert outcome.how == "emptied"
    assert aligned(branch(report, "merged").result.outcome).how == "fast_forwarded"
    assert [drop.reason for drop in outcome.dropped] == [DropReason.UPSTREAM]
    assert outcome.dropped[0].upstream == work.tip("main")


def test_merged_branches_are_left_where_they_are(work: Workspace) -> None:
    """Edge case 2."""
    work.git("branch", "merged", "main")
    work.switch("picked", "main")
    tip = work.commit("change", {"list": LINES.replace(b"line 3\n", b"three\n")})
    work.switch("main")
    work.commit("something else", {"extra": b"e\n"})
    work.git("cherry-pick", "picked")
    report = run(work.path)
    assert branch(report, "merged").verdict is Verdict.UNCHANGED
    assert branch(report, "picked").verdict is Verdict.UNCHANGED
    assert work.tip("picked") == tip


@pytest.mark.parametrize(
    ("policy", "verdict"), [("refuse", "refused"), ("flatten", "aligned"), ("merge-instead", "aligned")]
)
def test_branches_with_merges_follow_the_policy_and_say_so(work: Workspace, policy: str, verdict: str) -> None:
    """Edge case 4: an evil merge keeps its content, or is told as flattened, or is refused."""
    work.switch("friend", "main")
    work.commit("friend", {"friend": b"f\n"})
    work.switch("x", "main")
    work.commit("own", {"own": b"1\n"})
    work.git("merge", "-q", "--no-ff", "--no-commit", "friend")
    work.commit("evil merge", {"evil": b"only in the merge\n"})
    tip = work.tip("x")
    work.switch("main")
    work.commit("main", {"extra": b"e\n"})
    found = branch(run(work.path, merges=policy), "x")
    assert found.result.outcome.kind == verdict
    assert any("contains 1 merge" in note for note in found.step.notes)
    if policy == "refuse":
        assert isinstance(found.result.outcome, Refused)
        assert found.result.outcome.code == "contains_merges"
        assert work.tip("x") == tip
    if policy == "merge-instead":
        assert work.git("show", "x:evil") == "only in the merge"
        assert work.git("rev-parse", "x^1") == tip
    if policy == "flatten":
        outcome = aligned(found.result.outcome)
        assert [drop.reason for drop in outcome.dropped] == [DropReason.MERGE_FLATTENED]
        assert any(finding.code == "differs_from_one_shot_merge" for finding in outcome.findings)


def test_orphan_and_octopus_have_named_outcomes(work: Workspace) -> None:
    """Edge case 5."""
    for name in ("a", "b"):
        work.switch(name, "main")
        work.commit(name, {name: b"1\n"})
    work.switch("octopus", "main")
    work.commit("own", {"own": b"1\n"})
    work.git("merge", "-q", "a", "b")
    work.git("checkout", "-q", "--orphan", "site")
    work.git("rm", "-rfq", ".")
    work.commit("root", {"index.html": b"<p>\n"})
    work.switch("main")
    work.commit("main", {"extra": b"e\n"})
    report = run(work.path)
    outcome = branch(report, "site").result.outcome
    assert isinstance(outcome, Refused)
    assert outcome.code == "unrelated_history"
    assert aligned(branch(report, "octopus").result.outcome).how == "merged"
    flat = run(work.path, merges="flatten", only=("octopus",))
    assert len(work.git("rev-list", "--merges", "main..octopus").split()) == 0
    assert aligned(branch(flat, "octopus").result.outcome).dropped


def test_edits_follow_renames_and_conflict_types_are_gits(work: Workspace) -> None:
    """Edge case 6."""
    work.switch("edit", "main")
    work.commit("edit", {"list": LINES.replace(b"line 20\n", b"twenty\n")})
    work.switch("delete", "main")
    work.commit("delete", {"list": None})
    work.switch("main")
    work.git("mv", "list", "renamed")
    work.commit("rename", {"renamed": LINES.replace(b"line 3\n", b"three\n")})
    report = run(work.path)
    assert branch(report, "edit").verdict is Verdict.ALIGNED
    assert "twenty" in work.git("show", "edit:renamed")
    outcome = branch(report, "delete").result.outcome
    assert isinstance(outcome, Conflicted)
    assert "CONFLICT (rename/delete)" in {conflict.kind for conflict in outcome.conflicts}


def test_line_endings_make_no_change_of_their_own(work: Workspace) -> None:
    """Edge case 10."""
    work.commit("attributes", {".gitattributes": b"* text=auto\n", "crlf": b"a\r\nb\r\nc\r\n"})
    work.switch("x", "main")
    work.commit("own", {"own": b"1\n"})
    before = work.tip("x:crlf")
    work.switch("main")
    work.commit("main", {"extra": b"e\n"})
    run(work.path)
    assert work.tip("x:crlf") == before
    assert work.git("diff", "--stat", "main", "x", "--", "crlf") == ""


def test_mode_link_and_submodule_changes_are_kept(work: Workspace) -> None:
    """Edge case 11."""
    work.switch("x", "main")
    (work.path / "other").chmod(0o755)
    work.commit("mode", {})
    (work.path / "link").symlink_to("list")
    work.commit("link", {})
    work.git("update-index", "--add", "--cacheinfo", f"160000,{'a' * 40},sub")
    work.git("commit", "-q", "-m", "submodule")
    work.git("checkout", "-q", "-f", "main")
    work.commit("main", {"extra": b"e\n"})
    assert branch(run(work.path), "x").verdict is Verdict.ALIGNED
    listed = work.git("ls-tree", "x")
    assert "100755 blob" in listed
    assert "120000 blob" in listed
    assert "160000 commit" in listed


def test_author_dates_and_time_zones_are_kept_and_the_committer_is_the_operator(work: Workspace) -> None:
    """Edge case 16."""
    work.switch("x", "main")
    work.git(
        "commit",
        "-q",
        "--allow-empty",
        "-m",
        "by somebody",
        "--date=1600000000 +0545",
        "--author=Zo\u00eb <z@example.org>",
    )
    work.switch("main")
    work.commit("main", {"extra": b"e\n"})
    before = work.git("log", "-1", "--format=%an <%ae> %ad", "--date=raw", "x")
    run(work.path)
    assert work.git("log", "-1", "--format=%an <%ae> %ad", "--date=raw", "x") == before
    assert work.git("log", "-1", "--format=%cn <%ce>", "x") == "O Perator <operator@example.org>"


def test_the_committer_can_be_preserved(work: Workspace) -> None:
    """Edge case 16."""
    work.switch("x", "main")
    work.commit("own", {"own": b"1\n"})
    work.switch("main")
    work.commit("main", {"extra": b"e\n"})
    before = work.git("log", "-1", "--format=%cn <%ce> %cd", "--date=raw", "x")
    run(work.path, committer="preserve")
    assert work.git("log", "-1", "--format=%cn <%ce> %cd", "--date=raw", "x") == before


def test_message_bytes_and_encoding_header_survive(work: Workspace) -> None:
    """Edge cases 17, 21."""
    work.switch("x", "main")
    tree, parent = work.tip("x^{tree}"), work.tip("x")
    who = b"A <a@example.org> 1700000000 +0000"
    body = (
        b"tree %s\nparent %s\nauthor %s\ncommitter %s\nencoding ISO-8859-1\nchange-id abc\n\n# Gr\xfc\xdfe\n\n\xff\xfe\n"
        % (
            tree.encode(),
            parent.encode(),
            who,
            who,
        )
    )
    oid = work.git("hash-object", "-w", "-t", "commit", "--stdin", stdin=body)
    work.git("checkout", "-q", "main")
    work.git("update-ref", "refs/heads/x", oid)
    work.commit("main", {"extra": b"e\n"})
    run(work.path)
    after = work.git("cat-file", "commit", "x").encode("utf-8", "surrogateescape")
    assert b"encoding ISO-8859-1\nchange-id abc\n\n# Gr\xfc\xdfe\n\n\xff\xfe\n" in after + b"\n"
    assert work.tip("x") != oid


def test_another_tools_conflict_is_refused(work: Workspace) -> None:
    """Edge case 19."""
    work.switch("x", "main")
    who = b"A <a@example.org> 1700000000 +0000"
    head = work.tip("x")
    body = b"tree %s\nparent %s\nauthor %s\ncommitter %s\njj:trees %s\n\nconflicted\n" % (
        work.tip("x^{tree}").encode(),
        head.encode(),
        who,
        who,
        b"a" * 40,
    )
    oid = work.git("hash-object", "-w", "-t", "commit", "--stdin", stdin=body)
    work.switch("main")
    work.git("update-ref", "refs/heads/x", oid)
    work.commit("main", {"extra": b"e\n"})
    outcome = branch(run(work.path), "x").result.outcome
    assert isinstance(outcome, Refused)
    assert outcome.code == "foreign_conflict"
    assert work.tip("x") == oid


def test_reflog_names_the_run(work: Workspace) -> None:
    """Edge cases 20, 32."""
    work.switch("x", "main")
    work.commit("own", {"own": b"1\n"})
    work.switch("main")
    work.commit("main", {"extra": b"e\n"})
    report = run(work.path, orchestration__enable_backup_branches=True)
    assert report.run.id in work.git("log", "-1", "-g", "--format=%gs", "x")
    assert excluded(run(work.path), "backup-x-pre-align").code == "backup"


def test_signatures_are_made_anew_or_told_as_missing(work: Workspace, tmp_path: Path) -> None:
    """Edge case 18."""
    import subprocess

    needs.program("ssh-keygen", "openssh-client")
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    work.git("config", "gpg.format", "ssh")
    work.git("config", "user.signingkey", str(key))
    for name in ("signed", "again"):
        work.switch(name, "main")
        (work.path / name).write_bytes(b"1\n")
        work.git("add", "-A")
        work.git("commit", "-q", "-S", "-m", name)
    work.switch("main")
    work.commit("main", {"extra": b"e\n"})
    outcome = aligned(branch(run(work.path, only=("signed",)), "signed").result.outcome)
    assert outcome.unsigned == 1
    assert "gpgsig" not in work.git("cat-file", "commit", "signed")
    work.git("config", "commit.gpgsign", "true")
    outcome = aligned(branch(run(work.path, only=("again",)), "again").result.outcome)
    assert outcome.unsigned == 0
    allowed = tmp_path / "allowed"
    allowed.write_text("operator@example.org " + (tmp_path / "key.pub").read_text())
    work.git("config", "gpg.ssh.allowedSignersFile", str(allowed))
    work.git("verify-commit", "again")


def test_an_unusable_key_fails_the_branch_and_names_the_way_out(work: Workspace, tmp_path: Path) -> None:
    """Edge case 18."""
    work.git("config", "gpg.format", "ssh")
    work.git("config", "user.signingkey", str(tmp_path / "no-such-key"))
    work.switch("x", "main")
    tip = work.commit("own", {"own": b"1\n"})
    work.switch("main")
    work.commit("main", {"extra": b"e\n"})
    work.git("config", "commit.gpgsign", "true")
    found = branch(run(work.path), "x")
    assert found.verdict is Verdict.FAILED
    assert found.result.outcome.kind == "failed"
    assert getattr(found.result.outcome, "code", "") == "signing_failed"
    assert work.tip("x") == tip
