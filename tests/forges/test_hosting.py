"""A service whose repository, protection and merges are git's: what is answered about it against what it does."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import validate

from gitalign import facade
from gitalign.core.plan import Permit
from gitalign.core.report import Verdict
from gitalign.forges import gitea, github, gitlab
from tests import warm
from tests.forges import contracts
from tests.forges.forge import serving
from tests.forges.hosting import Hosting
from tests.git.workspace import Workspace

RULES = ("pull_request", "no_force_push", "no_deletion")
SERVICES = ("github", "gitlab", "gitea")
SCHEMAS = {
    "/repos/acme/shop/rules/branches/main": contracts.GITHUB_RULES,
    "/repos/acme/shop/branches/main/protection": contracts.GITHUB_PROTECTION,
    "/projects/acme%2Fshop": contracts.GITLAB_PROJECT,
    "/projects/acme%2Fshop/protected_branches": {"type": "array", "items": contracts.GITLAB_BRANCH},
    "/projects/acme%2Fshop/approval_rules": {"type": "array", "items": contracts.GITLAB_RULE},
    "/projects/acme%2Fshop/approvals": contracts.GITLAB_APPROVALS,
    "/repos/acme/shop": contracts.GITEA_REPOSITORY,
    "/repos/acme/shop/branch_protections": {"type": "array", "items": contracts.GITEA_RULE},
}


@pytest.fixture
def here(tmp_path: Path) -> Workspace:
    space = Workspace(tmp_path / "repo")
    space.commit("start", {"file": b"text\n"})
    space.switch("topic", "main")
    space.commit("one", {"own": b"1\n"})
    space.commit("two", {"own": b"1\n2\n"})
    space.switch("other", "main")
    space.commit("other", {"beside": b"1\n"})
    space.switch("main")
    space.commit("more", {"main": b"1\n"})
    return space


@pytest.fixture
def hosting(here: Workspace, tmp_path: Path) -> Iterator[Hosting]:
    with serving() as forge:
        hosting = Hosting.of(forge, tmp_path / "hosted.git", here.path)
        here.git("remote", "add", "origin", str(hosting.path))
        here.git("fetch", "-q")
        here.git("branch", "-q", "--set-upstream-to=origin/main", "main")
        yield hosting


def states(here: Workspace, hosting: Hosting, provider: str) -> dict[str, str]:
    settings = {"provider": provider, "api": hosting.forge.url, "repository": "acme/shop"}
    overrides: dict[str, object] = {f"protection.{key}": value for key, value in settings.items()}
    overrides["protection.require"] = dict.fromkeys(RULES, True)
    (found,) = facade.protections(facade.Request(repo=here.path, overrides=overrides), ["main"])
    return {one.rule.value: one.state.value for one in found.verdicts if one.rule.value in RULES}


def refused(here: Workspace, hosting: Hosting) -> dict[str, bool]:
    """What the service does when each rule is broken; what was let through is put back."""
    before = hosting.git("rev-parse", "main")
    attempts = {
        "pull_request": ("topic:refs/heads/main", before),
        "no_force_push": ("+main~1:refs/heads/main", before),
        "no_deletion": (":refs/heads/main", before),
    }
    here.git("branch", "-qf", "direct", "main")
    found: dict[str, bool] = {}
    for name, (refspec, tip) in attempts.items():
        if name == "pull_request":
            here.switch("direct")
            here.commit("direct", {"direct": b"1\n"})
            refspec = "direct:refs/heads/main"
            here.switch("main")
        words = ["git", "-C", str(here.path), "push", "-q", "origin", refspec]
        found[name] = subprocess.run(words, capture_output=True).returncode != 0
        hosting.git("update-ref", "refs/heads/main", tip)
    return found


@pytest.mark.parametrize("rules", [(), RULES[2:], RULES[1:], RULES], ids=len)
def test_what_is_called_satisfied_is_refused_by_the_service_and_nothing_else_is(
    here: Workspace, hosting: Hosting, rules: tuple[str, ...]
) -> None:
    hosting.protect(*rules)
    for path, (status, document) in hosting.forge.answers.items():
        if status == 200:
            validate(document, SCHEMAS[path])
    # A service that takes changes by pull request alone refuses a rewritten branch for that reason already.
    done = refused(here, hosting)
    really = {rule: "satisfied" if is_refused else "violated" for rule, is_refused in done.items()}
    assert really == {rule: "satisfied" if rule in rules else "violated" for rule in RULES}
    for provider in SERVICES:
        assert states(here, hosting, provider) == really, provider


@pytest.mark.parametrize("how", ["merge", "squash", "rebase"])
def test_a_merge_on_the_service_is_seen_when_it_happened_and_not_when_it_failed(
    here: Workspace, hosting: Hosting, how: str
) -> None:
    main = hosting.git("rev-parse", "main")
    hosting.fail_next = 1
    with pytest.raises(ConnectionError):
        hosting.merge("topic", how)
    assert hosting.git("rev-parse", "main") == main
    # What a squash holds twice is known again only where the operator lets it be: git itself sees a conflict.
    overrides = {"resolutions.rungs": ["squash_merged"]} if how == "squash" else {}
    ask, permit = facade.Request(repo=here.path, fetch=True, overrides=overrides), Permit(plan_id="*", given_by="test")
    before = facade.run(ask, permit=permit).branches()
    assert [one.verdict for one in before] == [Verdict.ALIGNED] * 2
    tip = hosting.merge("topic", how)
    after = {str(one.step.branch.name): one for one in facade.run(ask, permit=permit).branches()}
    assert after["other"].verdict is Verdict.ALIGNED
    assert here.git("merge-base", "other", tip) == tip
    assert after["topic"].verdict in (Verdict.UNCHANGED, Verdict.ALIGNED)
    assert here.git("diff", "--name-only", tip, here.git("merge-tree", "--write-tree", tip, "topic").split()[0]) == ""
    assert hosting.git("rev-parse", "main") == tip != main


class _Noting(dict[str, Any]):
    """A document that notes which of its members are asked for."""

    asked: set[str]

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().get(key, default)


def _noting(document: Any, asked: set[str]) -> Any:
    if isinstance(document, Mapping):
        noting = _Noting({key: _noting(value, asked) for key, value in document.items()})
        noting.asked = asked
        return noting
    return [_noting(one, asked) for one in document] if isinstance(document, list) else document


class _Answers:
    """Stands for a connection: answers from memory."""

    def __init__(self, answers: Mapping[str, Any], asked: set[str]) -> None:
        self.answers, self.asked = answers, asked

    def get(self, path: str) -> Any:
        return _noting(self.answers[path], self.asked)

    pages = get


def test_every_member_that_is_read_is_published_by_the_service() -> None:
    """A name that a service does not have would be read as `no` for ever."""
    switch = {"enabled": True}
    link = {"url": "https://example.org", "enabled": True}
    protection = {
        "required_status_checks": {"contexts": ["a"], "checks": [{"context": "a", "app_id": None}]},
        "required_pull_request_reviews": {"dismiss_stale_reviews": True, "require_code_owner_reviews": False},
        "required_signatures": link,
        **dict.fromkeys(("required_linear_history", "allow_force_pushes", "allow_deletions"), switch),
    }
    rules = [
        {
            "type": "required_status_checks",
            "parameters": {
                "required_status_checks": [{"context": "a", "integration_id": 1}],
                "strict_required_status_checks_policy": False,
            },
            "ruleset_id": 7,
            "ruleset_source": "acme",
            "ruleset_source_type": "Organization",
        },
        *({"type": kind} for kind in ("creation", "deletion", "required_linear_history", "required_signatures")),
    ]
    levels = [{"id": 1, "access_level": 0, "access_level_description": "No one", "group_id": 0}]
    branch = {"id": 1, "name": "main", "push_access_levels": levels, "merge_access_levels": levels}
    rule = {"id": 1, "name": "all", "rule_type": "regular", "approvals_required": 1, "protected_branches": []}
    answers = {
        "/repos/acme/shop/rules/branches/main": rules,
        "/repos/acme/shop/branches/main/protection": protection,
        "/projects/acme%2Fshop": {"id": 1, "merge_method": "ff", "only_allow_merge_if_pipeline_succeeds": True},
        "/projects/acme%2Fshop/protected_branches": [{**branch, "allow_force_push": False}],
        "/projects/acme%2Fshop/approval_rules": [{**rule, "protected_branches": [{"id": 1, "name": "main"}]}],
        "/projects/acme%2Fshop/approvals": {"reset_approvals_on_push": True},
        "/repos/acme/shop": {
            "id": 1,
            **dict.fromkeys(
                ("allow_merge_commits", "allow_rebase", "allow_rebase_explicit", "allow_squash_merge"), True
            ),
        },
        "/repos/acme/shop/branch_protections": [contracts.gitea_rule("main", enable_status_check=True)],
    }
    for path, document in answers.items():
        validate(document, SCHEMAS[path])
    of_service = {github: ("rules/", "/protection"), gitlab: ("/projects",), gitea: ("/repos/acme/shop",)}
    not_in_what_is_published = {"member_role_id"}  # of GitLab's source; a role of one's own, where it has them
    for service, places in of_service.items():
        asked: set[str] = set()
        service.observed(_Answers(answers, asked), "acme/shop", "main")
        known = {
            name
            for path, schema in SCHEMAS.items()
            if any(one in path for one in places)
            for name in contracts.members(schema)
        }
        assert asked
        assert asked - known - not_in_what_is_published == set(), service.__name__


def test_a_rule_of_forgejo_has_fewer_members_and_says_as_much() -> None:
    """It has no priority, and nothing about forced pushes: a protected branch never takes one."""
    place = "/repos/acme/shop"
    rule = contracts.forgejo_rule("main", enable_push=False, required_approvals=1)
    validate(rule, contracts.FORGEJO_RULE)
    answers = {place: {"allow_merge_commits": False}, f"{place}/branch_protections": [rule]}
    asking: Any = _Answers(answers, set())
    found = {rule.value: value for rule, value in gitea.observed(asking, "acme/shop", "main").values.items()}
    assert (found["no_force_push"], found["pull_request"], found["approvals"]) == (True, True, 1)
    assert found["status_checks"] == frozenset()


def test_a_pipeline_that_may_be_skipped_is_no_check_that_must_pass() -> None:
    place = "/projects/acme%2Fshop"
    levels = [{"id": 1, "access_level": 0}]
    project = {"id": 1, "merge_method": "merge", "only_allow_merge_if_pipeline_succeeds": True}
    branch = {"id": 1, "name": "main", "push_access_levels": levels, "allow_force_push": False}
    for skipped, expected in ((False, True), (True, False)):
        answers: dict[str, Any] = {
            place: {**project, "allow_merge_on_skipped_pipeline": skipped},
            f"{place}/protected_branches": [branch],
            f"{place}/approval_rules": [],
            f"{place}/approvals": {"reset_approvals_on_push": False},
        }
        validate(answers[place], contracts.GITLAB_PROJECT)
        asking: Any = _Answers(answers, set())
        assert gitlab.observed(asking, "acme/shop", "main").any_check is expected


def test_rules_of_gitea_hold_by_priority_then_plain_names_then_age(here: Workspace, hosting: Hosting) -> None:
    hosting.protect(*RULES)
    strict, loose = {"enable_push": False}, {"enable_push": True}
    place = "/repos/acme/shop/branch_protections"
    for expected, rules in (
        (
            "violated",
            [contracts.gitea_rule("main", **strict, priority=2), contracts.gitea_rule("m*", **loose, priority=1)],
        ),
        ("satisfied", [contracts.gitea_rule("m*", **loose), contracts.gitea_rule("main", **strict)]),
        (
            "satisfied",
            [
                contracts.gitea_rule("m*", **loose, created_at="2026-02-01T00:00:00Z"),
                contracts.gitea_rule("ma*", **strict, created_at="2026-01-01T00:00:00Z"),
            ],
        ),
    ):
        hosting.forge.answers[place] = (200, rules)
        assert states(here, hosting, "gitea")["pull_request"] == expected


def test_a_run_asks_again_although_nothing_here_has_changed(here: Workspace, hosting: Hosting) -> None:
    """What the service enforces may be another today: a known answer would leave that unseen."""
    hosting.protect(*RULES)
    config = here.path.parent / "config.yaml"
    require = {**dict.fromkeys(RULES, True), "approvals": 0, "dismiss_stale": False}
    settings = {"provider": "gitea", "api": hosting.forge.url, "repository": "acme/shop", "violated": "refuse"}
    config.write_text(json.dumps({"protection": {**settings, "require": require}}))
    for _ in range(2):
        asked = len(hosting.forge.asked)
        done = warm.run("run", "--yes", "--config", config, cwd=here.path)
        assert done.returncode == 0, done.stderr
        assert len(hosting.forge.asked) > asked
    hosting.protect()
    done = warm.run("run", "--yes", "--config", config, cwd=here.path)
    assert (done.returncode, "protection of main is violated" in done.stderr) == (2, True), done.stderr


def test_a_protection_that_does_not_say_is_unknown(here: Workspace, hosting: Hosting) -> None:
    hosting.protect()
    hosting.forge.answers["/repos/acme/shop/branches/main/protection"] = (
        200,
        {"required_linear_history": {"enabled": True}},
    )
    assert states(here, hosting, "github")["no_force_push"] == "unknown"
