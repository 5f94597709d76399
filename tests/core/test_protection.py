"""What files and configuration say of long-lived branches; what has another shape says nothing, and nothing is raised."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from gitalign.configuration.strict_yaml import load_yaml
from gitalign.core import protection
from gitalign.core.long_lived import Evidence


def _patterns(evidence: Iterable[Evidence]) -> set[str]:
    return {one.pattern for one in evidence}


def test_settings_of_the_probot_app() -> None:
    document = load_yaml(
        "branches:\n  - name: platform\n    protection: {required_reviews: 1}\n  - name: open\n    protection: null\n"
    )
    assert _patterns(protection.of_settings(document)) == {"platform"}


def test_rulesets_that_guard() -> None:
    def ruleset(*include: str, **more: Any) -> dict[str, Any]:
        names = {"include": list(include), "exclude": []}
        return {"target": "branch", "rules": [{"type": "non_fast_forward"}], "conditions": {"ref_name": names}, **more}

    def found(document: dict[str, Any]) -> set[str]:
        return _patterns(protection.of_ruleset(document, "x.json"))

    assert found(ruleset("refs/heads/prod*", "refs/heads/rel/**/*", "~DEFAULT_BRANCH")) == {"prod*", "rel/*"}
    assert found(ruleset("~ALL", "refs/heads/**/*", "refs/heads/*")) == set()
    assert found(ruleset("refs/heads/x", enforcement="disabled")) == set()
    assert found(ruleset("refs/heads/x", target="tag")) == set()
    assert found(ruleset("refs/heads/x", rules=[{"type": "commit_message_pattern"}])) == set()
    assert (
        found(ruleset("refs/heads/x", conditions={"ref_name": {"include": ["refs/heads/x"], "exclude": ["y"]}}))
        == set()
    )


def test_triggers_name_branches_in_full_or_say_nothing() -> None:
    """A pattern such as `feat/**` or `k[0-9]+*` starts jobs for feature branches as well."""
    document = load_yaml(
        "on:\n  push: {branches: [main, 'feat/**', 'k[0-9]+*', '**', '!old']}\n  pull_request: {branches: next}\n"
    )
    assert _patterns(protection.of_workflow(document, "ci.yml")) == {"main", "next"}


def test_gitlab() -> None:
    document = load_yaml(
        """
        default: {script: !reference [.x, script]}
        a: {only: [main, tags, /^issue-.*$/, "feature/*", $VARIABLE, group/project@x]}
        b: {only: {refs: [develop, merge_requests]}}
        c: {rules: [{if: '$CI_COMMIT_BRANCH == "live" && $X'}, {if: "$CI_MERGE_REQUEST_TARGET_BRANCH_NAME == 'next'"}]}
        d: {rules: [{if: '$CI_COMMIT_BRANCH =~ /^wip/'}, {if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH}]}
        """,
        ignores_tags=True,
    )
    assert _patterns(protection.of_gitlab(document)) == {"main", "develop", "live", "next"}


def test_apache_mergify_and_bors() -> None:
    asf = load_yaml("github:\n  protected_branches:\n    main: {}\n    branch-4.0: {}\n")
    assert _patterns(protection.of_asf(asf)) == {"main", "branch-4.0"}
    rules = load_yaml(
        "pull_request_rules:\n- conditions: [base=main, 'base = v2', 'base~=^x', -base=no, {or: [base=lts]}]\n"
    )
    assert _patterns(protection.of_mergify(rules, ".mergify.yml")) == {"main", "v2", "lts"}
    assert all(one.is_queue for one in protection.of_bors({"status": ["x"]}, "bors.toml"))


def test_configuration_of_git_and_its_tools() -> None:
    entries = {
        "gitflow.branch.master": "live",
        "gitflow.branch.develop": "integration-2",
        "gitflow.prefix.release": "rel/",
        "gitflow.prefix.feature": "feature/",
        "gitflow.branch.stage.type": "base",
        "gitflow.branch.stage.parent": "live",
        "gitflow.branch.hotfix.prefix": "hf/",
        "gitflow.branch.feature.prefix": "feature/",
        "git-town.perennial-branches": "qa-1 qa-2",
        "git-town-branch.topic.parent": "lower",
        "git-town-branch.old.branchtype": "perennial",
        "branch.topic.remote": "origin",
        "branch.topic.merge": "refs/heads/platform",
        "branch.upper.remote": ".",
        "branch.upper.merge": "refs/heads/lower",
        "branch.mine.remote": "origin",
        "branch.mine.merge": "refs/heads/users/me/mine",
    }
    found = _patterns(protection.of_config(entries.items()))
    assert found == {"live", "integration-2", "rel/*", "stage", "hf/*", "qa-1", "qa-2", "old", "platform"}
    assert "platform" not in _patterns(protection.of_config([*entries.items(), ("push.default", "upstream")]))


@pytest.mark.parametrize(
    "reader",
    [
        protection.of_settings,
        lambda document: protection.of_ruleset(document, "x"),
        lambda document: protection.of_workflow(document, "x"),
        protection.of_gitlab,
        protection.of_asf,
        lambda document: protection.of_mergify(document, "x"),
        lambda document: protection.of_bors(document, "x"),
    ],
)
def test_any_other_shape_says_nothing(reader: Callable[[Any], Iterable[Evidence]]) -> None:
    deep: Any = "x"
    for _ in range(5_000):
        deep = [deep]
    odd = [
        None,
        [],
        "text",
        7,
        [[1]],
        deep,
        {"branches": 3, "on": [1], "github": [], "rulesets": [[]], "rules": {"a": 1}},
    ]
    odd += [{"branches": [{"name": ["x"], "protection": 1}]}, {"on": {"push": {"branches": {"a": "b"}}}}]
    odd += [
        {"on": {"push": {"branches": ["../x", "a b", "", "@{", "x\n"]}}},
        {"github": {"protected_branches": [1]}},
    ]
    assert [one for document in odd for one in reader(document) if not one.is_queue] == []
