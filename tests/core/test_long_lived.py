from __future__ import annotations

import pytest

from gitalign.core.long_lived import Role, conventional_targets, known_role

_LONG_LIVED = {
    Role.LONG_LIVED: ["main", "develop", "dev", "staging", "production", "seen", "orchestration-tools"],
    Role.RELEASE: [
        "release/1.2",
        "release-0.3",
        "releases/v2",
        "hotfix/login",
        "stable/2024.1",
        "1.x-stable",
        "3.4-stable",
        "v1-stable",
        "support/4",
        "maint",
        "maint-2.1",
        "0.10-maintenance",
        "0.12.1-release",
        "1.2_branch",
        "unmaintained/yoga",
        "stable-3-4",
        "2.0.x-stable",
        "release-3.5.x",
        "release-beaker",
        "nixos-unstable",
        "REL_15_STABLE",
        "3.0.0rc3-rel",
        "2022-7-hotfix",
    ],
    Role.VERSION: ["6.4", "7.x", "v1.2", "v1.12", "rust-1.35.0", "0.4.5-br", "PHP_8_2", "k303", "php-8.2", "2.x-dev", "selfhost-1.24", "r2.0", "tokio-util-0.7.x", "aws-sdk-js-2.x"],
    Role.PAGES: ["gh-pages", "pages", "asf-site"],
    Role.QUEUE: ["gh-readonly-queue/main/pr-12-abcdef", "staging.tmp", "mergify/merge-queue/abc"],
    Role.BOT: ["dependabot/pip/x-1.2", "renovate/react", "pre-commit-ci-update-config", "release-please--branches--main", "snyk-fix-123", "owl-bot-update-lock-1bf1", "bot/pull-translations", "infrastructure-ruleset-bot/default-branch-protection"],
}  # fmt: skip
_FEATURES = [
    "release-please-gem-publishing",
    "an/cibot",
    "robot-arm",
    "feature/maintenance",
    "maintenance-container",
    "maintainers-readme-edits",
    "release-notes",
    "release-ci-fix",
    "support-dark-mode",
    "feature/prepare-release",
    "feature/release-notes",
    "fix-1.2",
    "bump-1.2.3",
    "update-to-2.0",
    "fix/stable-sort",
    "topic/a",
    "dev/miniksa/tabs",
    "wip",
    "1234-fix-login",
    "stabilize-fetchtree",
    "releasenotes",
    "backport-12-to-1.x-by-hand",
    "rootless-daemon_fix",
    "python3",
    "use-5minute-data",
    "copilot/fix-typo",
    "revert-12-dependabot/pip/x",
    "docs-4",
    "scientific-calculator",
    "development-notes",
    "mainline-fix",
    "pages-as-documents",
    "revert-9-upgrade-click",
    "thomasloven-patch-1",
    "fhl-spring-22/quake-2",
    "issue/1.5",
]


@pytest.mark.parametrize(("role", "name"), [(role, name) for role, names in _LONG_LIVED.items() for name in names])
def test_long_lived_branches_are_known(role: Role, name: str) -> None:
    """Edge case 69."""
    if name == "maint":
        role = Role.LONG_LIVED
    known = known_role(name)
    assert known is not None, name
    assert known.role is role


@pytest.mark.parametrize("name", _FEATURES)
def test_feature_branches_are_not(name: str) -> None:
    """Edge case 69: names that only resemble one are taken for feature branches."""
    assert known_role(name) is None


def test_targets_of_a_repository_that_names_none() -> None:
    assert conventional_targets(["x", "develop", "main"]) == ("main", "develop")
    assert conventional_targets(["x", "develop", "main"], head="develop") == ("develop", "main")
    assert conventional_targets(["x", "trunk", "blue"], head="blue") == ("blue", "trunk")
    assert conventional_targets(["x"], head="gone") == ()
