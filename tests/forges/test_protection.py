"""What services enforce on branches: satisfied, violated, and unknown wherever that could not be read."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import validate

from gitalign import facade
from gitalign.compat.checks import verify_branch_protections
from gitalign.core.branch_rules import BranchProtection, RuleState
from gitalign.core.plan import Permit
from gitalign.errors import PlanRefused
from tests import warm
from tests.forges import contracts
from tests.forges.forge import Forge, serving
from tests.git.workspace import Workspace

SECRET = "s3cret-token"
RULESETS = [
    {"type": "deletion", "ruleset_source_type": "Repository", "ruleset_id": 1},
    {"type": "non_fast_forward"},
    {
        "type": "pull_request",
        "parameters": {
            "required_approving_review_count": 2,
            "dismiss_stale_reviews_on_push": True,
            "require_code_owner_review": False,
            "require_last_push_approval": False,
            "required_review_thread_resolution": False,
        },
    },
    {
        "type": "required_status_checks",
        "parameters": {
            "required_status_checks": [{"context": "build"}],
            "strict_required_status_checks_policy": False,
        },
    },
]
CLASSIC = {
    "required_status_checks": {"strict": True, "contexts": ["lint"], "checks": [{"context": "lint", "app_id": 1}]},
    "required_pull_request_reviews": {
        "dismiss_stale_reviews": True,
        "require_code_owner_reviews": False,
        "required_approving_review_count": 1,
    },
    "required_linear_history": {"enabled": True},
    "allow_force_pushes": {"enabled": False},
    "allow_deletions": {"enabled": False},
    "required_signatures": {"url": "https://example.org", "enabled": False},
}
NONE = (404, {"message": "Branch not protected", "status": "404"})
MAY_NOT = (403, {"message": "Resource not accessible by integration"})
GITHUB = "/repos/acme/shop"
GITLAB = "/projects/acme%2Fshop"


def test_answers_are_of_the_form_that_the_service_publishes() -> None:
    validate(RULESETS, contracts.GITHUB_RULES)
    validate(CLASSIC, contracts.GITHUB_PROTECTION)


@pytest.fixture
def forge() -> Iterator[Forge]:
    with serving() as one:
        yield one


@pytest.fixture
def here(tmp_path: Path) -> Workspace:
    space = Workspace(tmp_path / "repo")
    space.commit("start", {"file": b"text\n"})
    space.switch("topic", "main")
    space.commit("work", {"own": b"1\n"})
    space.switch("main")
    space.commit("more", {"other": b"1\n"})
    space.git("remote", "add", "origin", "https://user:pw@example.org/acme/shop.git")
    return space


def request(here: Workspace, forge: Forge, provider: str, **more: object) -> facade.Request:
    settings = {"provider": provider, "api": forge.url, "repository": "acme/shop", "timeout_seconds": 2.0, **more}
    return facade.Request(repo=here.path, overrides={f"protection.{key}": value for key, value in settings.items()})


def of_main(here: Workspace, forge: Forge, provider: str, **more: object) -> BranchProtection:
    (found,) = facade.protections(request(here, forge, provider, **more), ["main"])
    return found


def states(found: BranchProtection) -> dict[str, str]:
    return {one.rule.value: one.state.value for one in found.verdicts}


ALL = {
    "pull_request": True,
    "approvals": 2,
    "dismiss_stale": True,
    "status_checks": ["build", "lint"],
    "linear_history": True,
    "no_force_push": True,
    "no_deletion": True,
    "signed": True,
}


def test_rules_of_github_add_up(here: Workspace, forge: Forge) -> None:
    forge.answers[f"{GITHUB}/rules/branches/main"] = (200, RULESETS)
    forge.answers[f"{GITHUB}/branches/main/protection"] = (200, CLASSIC)
    found = of_main(here, forge, "github", require=ALL)
    assert states(found) == {**dict.fromkeys(ALL, "satisfied"), "signed": "violated"}
    assert found.state is RuleState.VIOLATED
    assert found.faults == ("signed: on required, off enforced",)


def test_what_github_does_not_enforce_is_violated_and_what_it_hides_is_unknown(here: Workspace, forge: Forge) -> None:
    forge.answers[f"{GITHUB}/rules/branches/main"] = (200, RULESETS[:2])
    forge.answers[f"{GITHUB}/branches/main/protection"] = NONE
    open_ = of_main(here, forge, "github")
    assert states(open_)["pull_request"] == states(open_)["approvals"] == "violated"
    forge.answers[f"{GITHUB}/branches/main/protection"] = MAY_NOT
    hidden = of_main(here, forge, "github")
    assert states(hidden)["pull_request"] == states(hidden)["approvals"] == "unknown"
    assert states(hidden)["no_deletion"] == states(hidden)["no_force_push"] == "satisfied"
    assert "Resource not accessible" in hidden.faults[0]
    # The status of a repository that one may not see is that of a branch without protection; the words are not.
    forge.answers[f"{GITHUB}/branches/main/protection"] = (404, {"message": "Not Found"})
    assert of_main(here, forge, "github").state is RuleState.UNKNOWN


def test_rules_on_later_pages_count(here: Workspace, forge: Forge) -> None:
    forge.answers[f"{GITHUB}/rules/branches/main"] = (200, [{"type": "creation"}] * 100)
    forge.answers[f"{GITHUB}/branches/main/protection"] = NONE
    found = of_main(here, forge, "github")  # the same page for ever
    assert states(found)["pull_request"] == "unknown"
    assert "more than" in found.faults[0]


def test_gitlab(here: Workspace, forge: Forge) -> None:
    branch = {"name": "ma*", "push_access_levels": [{"access_level": 0}], "allow_force_push": False}
    project = {"merge_method": "ff", "only_allow_merge_if_pipeline_succeeds": True}
    forge.answers[GITLAB.replace("%2F", "%2F")] = (200, project)
    forge.answers[f"{GITLAB}/protected_branches"] = (200, [branch])
    forge.answers[f"{GITLAB}/approval_rules"] = (200, [{"approvals_required": 2, "protected_branches": []}])
    forge.answers[f"{GITLAB}/approvals"] = (200, {"reset_approvals_on_push": True})
    wanted = {**ALL, "signed": False}
    assert states(of_main(here, forge, "gitlab", require=wanted)) == dict.fromkeys(set(ALL) - {"signed"}, "satisfied")
    forge.answers[f"{GITLAB}/approval_rules"] = (404, {"message": "404 Not found"})
    forge.answers[f"{GITLAB}/protected_branches"] = (
        200,
        [branch, {**branch, "push_access_levels": [{"access_level": 40}]}],
    )
    found = states(of_main(here, forge, "gitlab", require=wanted))
    assert (found["approvals"], found["dismiss_stale"]) == ("unknown", "unknown")
    assert (found["pull_request"], found["linear_history"], found["status_checks"]) == ("violated",) * 3
    forge.answers[f"{GITLAB}/protected_branches"] = (200, [{**branch, "name": "release/*"}])
    assert states(of_main(here, forge, "gitlab"))["no_deletion"] == "violated"


@pytest.mark.parametrize("provider", ["gitea", "forgejo"])
def test_gitea(here: Workspace, forge: Forge, provider: str) -> None:
    rule = {
        "rule_name": "m*",
        "enable_push": False,
        "required_approvals": 2,
        "dismiss_stale_approvals": True,
        "enable_status_check": True,
        "status_check_contexts": ["build", "lint"],
        "require_signed_commits": True,
    }
    forge.answers[GITHUB] = (200, {"allow_merge_commits": False, "allow_rebase_explicit": False})
    forge.answers[f"{GITHUB}/branch_protections"] = (200, [rule])
    assert states(of_main(here, forge, provider, require=ALL)) == dict.fromkeys(ALL, "satisfied")
    exact = {**rule, "rule_name": "main", "required_approvals": 0, "enable_status_check": False}
    forge.answers[f"{GITHUB}/branch_protections"] = (200, [rule, exact])
    found = states(of_main(here, forge, provider, require=ALL))
    assert (found["approvals"], found["status_checks"], found["signed"]) == ("violated", "violated", "satisfied")
    forge.answers[f"{GITHUB}/branch_protections"] = (200, [{**rule, "rule_name": "{main,next}"}])
    assert of_main(here, forge, provider).state is RuleState.UNKNOWN
    forge.answers[f"{GITHUB}/branch_protections"] = (200, [])
    assert set(states(of_main(here, forge, provider, require=ALL)).values()) == {"violated"}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((0, None), "RemoteProtocolError"),
        ((500, b"<html>"), "HTTP 500"),
        ((401, {"message": "Bad \x1b[31mcredentials"}), "Bad \\x1b[31mcredentials"),
        ((301, {"message": "Moved Permanently"}), "redirects are not followed"),
        ((200, b"<html>"), "not JSON"),
        ((200, b"[" * 100_000), "not JSON"),
        ((200, {"type": "deletion"}), "not a list"),
        ((200, ["deletion"]), "not in the documented form"),
        ((200, b" " * 4_100_000), "too long"),
    ],
)
def test_an_answer_that_is_none_is_unknown(
    here: Workspace, forge: Forge, monkeypatch: pytest.MonkeyPatch, answer: tuple[int, Any], words: str
) -> None:
    monkeypatch.setenv("GITALIGN_FORGE_TOKEN", SECRET)
    forge.answers[f"{GITHUB}/rules/branches/main"] = answer
    forge.answers[f"{GITHUB}/branches/main/protection"] = MAY_NOT
    found = of_main(here, forge, "github")
    assert found.state is RuleState.UNKNOWN
    assert words in found.reason
    assert SECRET not in repr(found)
    assert all("/elsewhere" not in path for path, _ in forge.asked)


@pytest.mark.parametrize("where", ["head", "body"])
def test_a_service_that_never_ends_is_unknown_at_the_deadline(here: Workspace, forge: Forge, where: str) -> None:
    """It sends a byte now and then, so that no read takes long."""
    forge.dripping[f"{GITHUB}/rules/branches/main"] = where
    begun = time.monotonic()
    found = of_main(here, forge, "github", timeout_seconds=0.3)
    assert time.monotonic() - begun < 10
    assert found.state is RuleState.UNKNOWN
    assert "no whole answer within 0.3 s" in found.reason
    deadline = time.monotonic() + 10
    while any(thread.name.startswith("ask ") for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_service_that_is_not_there_is_unknown(here: Workspace) -> None:
    gone = facade.Request(
        repo=here.path,
        overrides={
            "protection.provider": "github",
            "protection.api": "http://127.0.0.1:9",
            "protection.repository": "acme/shop",
        },
    )
    (found,) = facade.protections(gone, ["main"])
    assert (found.state, found.verdicts) == (RuleState.UNKNOWN, ())
    assert "ConnectError" in found.reason


def test_nothing_is_asked_unless_a_provider_is_configured(here: Workspace, forge: Forge) -> None:
    assert facade.protections(facade.Request(repo=here.path)) == ()
    answer = verify_branch_protections(here.path, ["main"])
    assert answer["state"] == "unknown"
    assert answer["branches"]["main"]["reason"] == "no service is asked: protection.provider is none"
    assert forge.asked == []


def test_the_token_goes_where_the_operator_said_and_nowhere_else(
    here: Workspace, forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITALIGN_FORGE_TOKEN", SECRET)
    of_main(here, forge, "github")
    of_main(here, forge, "gitlab")
    assert {headers.get("Authorization") or headers.get("PRIVATE-TOKEN") for _, headers in forge.asked} == {
        f"Bearer {SECRET}",
        SECRET,
    }
    forge.asked.clear()
    config = here.path / ".git/gitalign/config.yaml"
    config.parent.mkdir()
    for settings in (
        {"provider": "github", "api": forge.url, "repository": "acme/shop"},
        {"provider": "github", "token_environment": "HOME"},
    ):
        config.write_text(json.dumps({"protection": settings}))
        (found,) = facade.protections(facade.Request(repo=here.path), ["main"])
        assert "came with the repository" in found.reason or "set protection" in found.reason
    config.write_text(json.dumps({"protection": {"token_environment": "HOME"}}))
    assert "came with the repository" in of_main(here, forge, "github").reason
    assert forge.asked == []


def test_plan_and_doctor_show_it_and_a_run_is_refused_where_that_is_wanted(here: Workspace, forge: Forge) -> None:
    forge.answers[f"{GITHUB}/rules/branches/main"] = (200, [])
    forge.answers[f"{GITHUB}/branches/main/protection"] = NONE
    env = {
        "GITALIGN_PROTECTION__PROVIDER": "github",
        "GITALIGN_PROTECTION__API": forge.url,
        "GITALIGN_PROTECTION__REPOSITORY": "acme/shop",
    }
    shown = warm.run("plan", cwd=here.path, env=env)
    assert shown.returncode == 0
    assert "protection of main: violated" in shown.stdout
    assert "pull_request: on required, off enforced" in shown.stdout
    document = json.loads(warm.run("plan", "--json", cwd=here.path, env=env).stdout)
    assert document["protections"][0]["state"] == "violated"
    examined = json.loads(warm.run("doctor", "--json", cwd=here.path, env=env).stdout)
    assert [one["ok"] for one in examined["checks"] if one["check"] == "protection"] == [False]
    before = here.tip("topic")
    permit = Permit(plan_id="*", given_by="test")
    with pytest.raises(PlanRefused, match="protection of main is violated") as caught:
        facade.run(request(here, forge, "github", violated="refuse"), permit=permit)
    assert (caught.value.code, here.tip("topic")) == ("not_protected", before)
    forge.answers.clear()
    with pytest.raises(PlanRefused, match="protection of main is unknown"):
        facade.run(request(here, forge, "github", unknown="refuse"), permit=permit)
    facade.run(request(here, forge, "github", violated="refuse"), permit=permit)
    assert here.tip("topic") != before
