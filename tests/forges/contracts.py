"""What the services publish about the answers that are read here: parts of their API descriptions, in `published.json`.

Where each part is from stands there. Names, types and what is required are as published; prose, and people and teams inside, are
left out. GitLab's approvals belong to its paid editions and are in no description: theirs are from the page "Merge request
approvals" (19).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

BOOLEAN, INTEGER, TEXT = {"type": "boolean"}, {"type": "integer"}, {"type": "string"}
PUBLISHED: dict[str, Any] = json.loads(Path(__file__).with_name("published.json").read_text(encoding="utf-8"))


def published(service: str, name: str) -> dict[str, Any]:
    """A schema of a service, that takes no member which is not in it: a misspelt one is no part of what is published."""
    schema: dict[str, Any] = _closed(PUBLISHED[service]["schemas"][name])
    return schema


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    return {**closed, "additionalProperties": False} if isinstance(schema.get("properties"), dict) else closed


def listed(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": schema}


GITHUB_RULES = listed(published("github", "repository-rule-detailed"))
GITHUB_PROTECTION = published("github", "branch-protection")
GITLAB_BRANCH = published("gitlab", "API_Entities_ProtectedBranch")
GITLAB_PROJECT = {**PUBLISHED["gitlab"]["schemas"]["API_Entities_Project"], "required": ["id", "merge_method"]}
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
GITEA_RULE = published("gitea", "BranchProtection")
FORGEJO_RULE = published("forgejo", "BranchProtection")
GITEA_REPOSITORY = published("gitea", "Repository")
_EMPTY: dict[str, Any] = {"boolean": False, "integer": 0, "string": "", "array": []}


def gitea_rule(name: str, **changed: Any) -> dict[str, Any]:
    """A rule of Gitea as it answers: all members are there; none of them protects more than having a rule does."""
    return _rule("gitea", name, changed)


def forgejo_rule(name: str, **changed: Any) -> dict[str, Any]:
    """The same of Forgejo, which has other members."""
    return _rule("forgejo", name, changed)


def _rule(service: str, name: str, changed: Mapping[str, Any]) -> dict[str, Any]:
    members = PUBLISHED[service]["schemas"]["BranchProtection"]["properties"]
    return {
        **{key: _EMPTY[schema["type"]] for key, schema in members.items()},
        **dict.fromkeys(("created_at", "updated_at"), "2026-01-01T00:00:00Z"),
        "branch_name": name,
        "rule_name": name,
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
