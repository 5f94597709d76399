"""A hosting service that really hosts: a bare repository, protection that its hook enforces, and merges made by git.

It answers about its protection as `forge.py` does, from the same rules that the hook reads: what the answer says and what a
push may do cannot differ by a slip of the tests.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.forges.contracts import gitea_rule
from tests.forges.forge import Forge

IDENT = {
    **{f"GIT_{who}_NAME": "The Forge" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "forge@example.org" for who in ("AUTHOR", "COMMITTER")},
}
HOOK = """#!/bin/sh
# update: ref, old, new. Merges by the service itself are not pushes.
[ "$1" = refs/heads/main ] || exit 0
rule() { [ -e "$GIT_DIR/rules/$1" ]; }
zero=$(echo "$3" | tr '0-9a-f' 0)
if [ "$3" = "$zero" ]; then rule no_deletion && { echo "may not be deleted"; exit 1; }; exit 0; fi
rule pull_request && { echo "changes come by pull request"; exit 1; }
rule no_force_push && ! git merge-base --is-ancestor "$2" "$3" && { echo "may not be rewritten"; exit 1; }
exit 0
"""


@dataclass
class Hosting:
    """A repository of a service.

    Attributes:
        forge: answers about it.
        path: of the bare repository.
        rules: that protect `main`: of `pull_request`, `no_force_push`, `no_deletion`.
        fail_next: merges that fail half-way, with their commit made and nothing moved.
    """

    forge: Forge
    path: Path
    rules: frozenset[str] = frozenset()
    fail_next: int = 0
    merged: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, forge: Forge, path: Path, clone: Path) -> Hosting:
        """Host what a clone holds."""
        subprocess.run(["git", "clone", "-q", "--mirror", str(clone), str(path)], check=True)
        subprocess.run(["git", "-C", str(path), "config", "receive.denyDeleteCurrent", "ignore"], check=True)
        hook = path / "hooks/update"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(HOOK)
        hook.chmod(0o755)
        return cls(forge, path)

    def protect(self, *rules: str) -> None:
        """Have these rules hold, and be answered in the words of all three services."""
        self.rules = frozenset(rules)
        folder = self.path / "rules"
        folder.mkdir(exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        for name in rules:
            (folder / name).touch()
        self.forge.answers |= {
            **self._github(),
            **self._gitlab(),
            **self._gitea(),
        }

    def merge(self, branch: str, how: str) -> str:
        """Merge a pull request as the button of that name does, by git; the new tip of `main`."""
        main, topic = self.git("rev-parse", "main"), self.git("rev-parse", branch)
        if how == "rebase":
            place = str(self.path.with_name("rebasing"))
            self.git("worktree", "add", "-q", "--detach", place, topic)
            subprocess.run(["git", "-C", place, "rebase", "-q", main], check=True, env={**os.environ, **IDENT})
            tip = self.git("-C", place, "rev-parse", "HEAD")
            self.git("worktree", "remove", "--force", place)
        else:
            tree = self.git("merge-tree", "--write-tree", main, topic)
            parents = ["-p", main, *(["-p", topic] if how == "merge" else [])]
            tip = self.git("commit-tree", tree, *parents, "-m", f"{how} {branch}")
        if self.fail_next:
            self.fail_next -= 1
            raise ConnectionError("502 Bad Gateway")
        self.git("update-ref", "refs/heads/main", tip, main)
        self.merged.append(branch)
        return tip

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.path), *words],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, **IDENT},
        )
        return done.stdout.strip()

    def _github(self) -> dict[str, tuple[int, Any]]:
        kinds = {"no_force_push": "non_fast_forward", "no_deletion": "deletion"}
        rules: list[dict[str, Any]] = [{"type": kinds[name]} for name in sorted(self.rules & set(kinds))]
        if "pull_request" in self.rules:
            parameters = {
                "dismiss_stale_reviews_on_push": False,
                "require_code_owner_review": False,
                "require_last_push_approval": False,
                "required_approving_review_count": 0,
                "required_review_thread_resolution": False,
            }
            rules.append({"type": "pull_request", "parameters": parameters})
        none = (404, {"message": "Branch not protected", "status": "404"})
        return {
            "/repos/acme/shop/rules/branches/main": (200, rules),
            "/repos/acme/shop/branches/main/protection": none,
        }

    def _gitlab(self) -> dict[str, tuple[int, Any]]:
        level = 0 if "pull_request" in self.rules else 40
        levels = [{"id": 1, "access_level": level, "access_level_description": "Maintainers"}]
        branch = {
            "id": 1,
            "name": "main",
            "push_access_levels": levels,
            "merge_access_levels": levels,
            "allow_force_push": "no_force_push" not in self.rules,
        }
        project = {"id": 1, "merge_method": "merge", "only_allow_merge_if_pipeline_succeeds": False}
        return {
            "/projects/acme%2Fshop": (200, project),
            "/projects/acme%2Fshop/protected_branches": (200, [branch] if self.rules else []),
        }

    def _gitea(self) -> dict[str, tuple[int, Any]]:
        rule = gitea_rule(
            "main", enable_push="pull_request" not in self.rules, enable_force_push="no_force_push" not in self.rules
        )
        about = {
            "id": 1,
            **dict.fromkeys(
                ("allow_merge_commits", "allow_rebase", "allow_rebase_explicit", "allow_squash_merge"), True
            ),
        }
        return {
            "/repos/acme/shop": (200, about),
            "/repos/acme/shop/branch_protections": (200, [rule] if self.rules else []),
        }
