"""What the services publish about the answers that are read here, as far as it concerns them.

Written by hand from: GitHub's OpenAPI description of 2022-11-28 (schemas `repository-rule-detailed` and `branch-protection`,
as in @octokit/openapi-types 29.0.1); GitLab's pages "Protected branches", "Projects" and "Merge request approvals" (19);
Gitea's structures `BranchProtection` and `Repository` (1.25), from which its Swagger document is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

BOOLEAN, INTEGER, TEXT = {"type": "boolean"}, {"type": "integer"}, {"type": "string"}
MAYBE_INTEGER = {"type": ["integer", "null"]}


def strings(nullable: bool = False) -> dict[str, Any]:
    return {"type": ["array", "null"] if nullable else "array", "items": TEXT}


def record(required: Mapping[str, Any], optional: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """An object of exactly these members: a misspelt one is no part of what is published."""
    members = {**required, **(optional or {})}
    return {"type": "object", "properties": members, "required": [*required], "additionalProperties": False}


def rule(kind: str, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
    source = {
        "ruleset_source_type": {"enum": ["Repository", "Organization", "Enterprise"]},
        "ruleset_source": TEXT,
        "ruleset_id": INTEGER,
    }
    more = {"parameters": parameters} if parameters is not None else {}
    return record({"type": {"const": kind}}, {**more, **source})


SWITCH = record({}, {"enabled": BOOLEAN})
GITHUB_RULES = {
    "type": "array",
    "items": {
        "oneOf": [
            *map(rule, ("creation", "deletion", "non_fast_forward", "required_linear_history", "required_signatures")),
            rule(
                "pull_request",
                record(
                    {
                        "dismiss_stale_reviews_on_push": BOOLEAN,
                        "require_code_owner_review": BOOLEAN,
                        "require_last_push_approval": BOOLEAN,
                        "required_approving_review_count": INTEGER,
                        "required_review_thread_resolution": BOOLEAN,
                    },
                    {"allowed_merge_methods": {"type": "array", "items": {"enum": ["merge", "squash", "rebase"]}}},
                ),
            ),
            rule(
                "required_status_checks",
                record(
                    {
                        "required_status_checks": {
                            "type": "array",
                            "items": record({"context": TEXT}, {"integration_id": INTEGER}),
                        },
                        "strict_required_status_checks_policy": BOOLEAN,
                    },
                    {"do_not_enforce_on_create": BOOLEAN},
                ),
            ),
        ]
    },
}
GITHUB_PROTECTION = record(
    {},
    {
        "url": TEXT,
        "required_status_checks": record(
            {
                "contexts": strings(),
                "checks": {"type": "array", "items": record({"context": TEXT, "app_id": MAYBE_INTEGER})},
            },
            {"url": TEXT, "contexts_url": TEXT, "strict": BOOLEAN, "enforcement_level": TEXT},
        ),
        "required_pull_request_reviews": record(
            {"dismiss_stale_reviews": BOOLEAN, "require_code_owner_reviews": BOOLEAN},
            {"url": TEXT, "required_approving_review_count": INTEGER, "require_last_push_approval": BOOLEAN},
        ),
        "required_signatures": record({"url": TEXT, "enabled": BOOLEAN}),
        **dict.fromkeys(
            (
                *("required_linear_history", "allow_force_pushes", "allow_deletions", "block_creations"),
                *("required_conversation_resolution", "lock_branch", "allow_fork_syncing"),
            ),
            SWITCH,
        ),
        "enforce_admins": record({"url": TEXT, "enabled": BOOLEAN}),
    },
)
LEVELS = {
    "type": "array",
    "items": record(
        {"access_level": MAYBE_INTEGER, "access_level_description": TEXT},
        {"id": INTEGER, "user_id": MAYBE_INTEGER, "group_id": MAYBE_INTEGER, "deploy_key_id": MAYBE_INTEGER},
    ),
}
GITLAB_BRANCH = record(
    {"id": INTEGER, "name": TEXT, "push_access_levels": LEVELS, "merge_access_levels": LEVELS},
    {"allow_force_push": BOOLEAN, "code_owner_approval_required": BOOLEAN, "inherited": BOOLEAN},
)
GITLAB_PROJECT = {  # of some hundred members, those that concern protection
    "type": "object",
    "properties": {
        "merge_method": {"enum": ["merge", "rebase_merge", "ff"]},
        "only_allow_merge_if_pipeline_succeeds": BOOLEAN,
    },
    "required": ["id", "merge_method", "only_allow_merge_if_pipeline_succeeds"],
}
GITLAB_RULE = {
    "type": "object",
    "properties": {
        "rule_type": TEXT,
        "approvals_required": INTEGER,
        "applies_to_all_protected_branches": BOOLEAN,
        "protected_branches": {"type": "array", "items": {"type": "object", "required": ["id", "name"]}},
    },
    "required": ["id", "name", "rule_type", "approvals_required", "protected_branches"],
}
GITLAB_APPROVALS = {
    "type": "object",
    "properties": {"reset_approvals_on_push": BOOLEAN},
    "required": ["reset_approvals_on_push"],
}
_GITEA_SWITCHES = (
    *("enable_push", "enable_push_whitelist", "push_whitelist_deploy_keys", "enable_force_push"),
    *("enable_force_push_allowlist", "force_push_allowlist_deploy_keys", "enable_merge_whitelist"),
    *("enable_status_check", "enable_approvals_whitelist", "block_on_rejected_reviews"),
    *("block_on_official_review_requests", "block_on_outdated_branch", "dismiss_stale_approvals"),
    *("ignore_stale_approvals", "require_signed_commits", "block_admin_merge_override"),
)
_GITEA_LISTS = (
    *("push_whitelist_usernames", "push_whitelist_teams", "force_push_allowlist_usernames"),
    *("force_push_allowlist_teams", "merge_whitelist_usernames", "merge_whitelist_teams", "status_check_contexts"),
    *("approvals_whitelist_username", "approvals_whitelist_teams"),
)
GITEA_RULE = record(
    {
        **dict.fromkeys(_GITEA_SWITCHES, BOOLEAN),
        **dict.fromkeys(_GITEA_LISTS, strings(nullable=True)),
        **dict.fromkeys(("branch_name", "rule_name", "protected_file_patterns", "unprotected_file_patterns"), TEXT),
        **dict.fromkeys(("created_at", "updated_at"), TEXT),
        "priority": INTEGER,
        "required_approvals": INTEGER,
    }
)
GITEA_REPOSITORY = {
    "type": "object",
    "properties": dict.fromkeys(
        ("allow_merge_commits", "allow_rebase", "allow_rebase_explicit", "allow_squash_merge"), BOOLEAN
    ),
    "required": ["id", "allow_merge_commits", "allow_rebase", "allow_rebase_explicit", "allow_squash_merge"],
}


def gitea_rule(name: str, **changed: Any) -> dict[str, Any]:
    """A rule of Gitea as it answers: all members are there; none of them protects more than having a rule does."""
    return {
        **dict.fromkeys(_GITEA_SWITCHES, False),
        **dict.fromkeys(_GITEA_LISTS, None),
        **dict.fromkeys(("protected_file_patterns", "unprotected_file_patterns"), ""),
        **dict.fromkeys(("created_at", "updated_at"), "2026-01-01T00:00:00Z"),
        "branch_name": name,
        "rule_name": name,
        "priority": 0,
        "required_approvals": 0,
        "enable_push": True,
        **changed,
    }


def members(schema: Mapping[str, Any]) -> Iterator[str]:
    """All names of members in a schema."""
    for name, inner in (schema.get("properties") or {}).items():
        yield name
        yield from members(inner)
    for inner in (schema.get("items"), *(schema.get("oneOf") or ())):
        if inner is not None:
            yield from members(inner)
