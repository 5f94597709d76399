"""What git's configuration says of pushing: where each branch goes, and what else a push would run or send.

Everything is read as the operator's own `git push` would read it (`Repository.operator`), except for what git-align sets
for every git it starts.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from gitalign.core.names import HEADS, BranchName, Oid, branch_of
from gitalign.core.push import PushRules, Tracking
from gitalign.core.push_orders import PushExtras
from gitalign.git.command import Git, text
from gitalign.git.remote import push_addresses
from gitalign.git.repository import Repository

_KEYS = r"^(push\.|remote\..*\.(push|mirror|url|pushurl)$|branch\..*\.merge$|submodule\.recurse$|core\.(hookspath|attributesfile)$|hook\.)"
_OURS = {"core.hookspath": "/dev/null", "submodule.recurse": "false"}
"""Pins of ours that stand last in the configuration of every git process; what stands before them is the operator's."""
_LFS = b"filter=lfs"
_ATTRIBUTES = ":(glob)**/.gitattributes"
_AT_ONCE = 200
_FORMAT = "%00".join(
    f"%({atom})"
    for atom in ("refname", "upstream:remotename", "upstream:remoteref", "push:remotename", "push:remoteref")
)


class PushConfig:
    """The part of git's configuration that a push reads, once."""

    def __init__(self, repository: Repository) -> None:
        """Read it.

        Raises:
            GitError
        """
        self._repository = repository
        self._git = repository.operator
        self._values = _values(self._git)

    def rules(self, *, default_remote: str, insists: bool, besides: Iterable[str] = ()) -> PushRules:
        """The rules that decide where branches are pushed.

        Args:
            default_remote: the remote of branches for which git's configuration names none.
            insists: whether the operator named that remote.
            besides: remotes that are asked about, too, whatever branches are pushed there.

        Raises:
            GitError
        """
        tracking: dict[BranchName, Tracking] = {}
        for line in text(self._git.run("for-each-ref", f"--format={_FORMAT}", HEADS).stdout).splitlines():
            ref, upstream_remote, upstream_ref, push_remote, push_ref = line.split("\0")
            name = branch_of(ref)
            tracking[name] = Tracking(
                upstream_remote=upstream_remote,
                upstream_ref=upstream_ref,
                push_remote=push_remote,
                push_ref=push_ref,
                upstreams=len(self._values.get(f"branch.{name}.merge", ())) or 1,
            )
        remotes = {default_remote, *besides, *(one.push_remote for one in tracking.values() if one.push_remote)} - {"."}
        return PushRules(
            default_remote=default_remote,
            insists=insists,
            push_default=self._last("push.default") or "simple",
            refspecs={remote: self._values.get(f"remote.{remote}.push", ()) for remote in remotes},
            mirrors=frozenset(remote for remote in remotes if _is_true(self._last(f"remote.{remote}.mirror"))),
            addresses={remote: len(push_addresses(self._repository, remote)) for remote in remotes},
            tracking=tracking,
            remotes=frozenset(
                key.removeprefix("remote.").rpartition(".")[0]
                for key in self._values
                if key.startswith("remote.") and key.endswith((".url", ".pushurl"))
            ),
        )

    def guards(self, oids: Sequence[Oid]) -> tuple[str, ...]:
        """What `git push` would run or send beside the branches, each in words; empty when nothing.

        Args:
            oids: what is to be pushed.

        Raises:
            GitError
        """
        found: list[str] = []
        hook = self.hooks_path() / "pre-push"
        if os.access(hook, os.X_OK):
            found.append(f"the hook {hook}")
        found += [f"the hook {name} of the configuration" for name in self._configured_hooks()]
        if self.recurses() != "no":
            found.append(f"the look at submodules (push.recurseSubmodules is {self.recurses()})")
        if self.signs() not in ("no", "if-asked"):
            found.append("the signature of the push (push.gpgSign)")
        if options := self.options():
            found.append(f"push options for the server (push.pushOption is {', '.join(options)})")
        if _uses_lfs(self._repository, oids, self._last("core.attributesfile")):
            found.append("Git LFS, which uploads the contents of its files")
        return tuple(found)

    def extras(self) -> PushExtras:
        """What the operator's own `git push` would run and send, for those who asked for it."""
        return PushExtras(
            hooks_path=str(self.hooks_path()),
            recurse=self.recurses(),
            signed={"yes": "true"}.get(self.signs(), self.signs()),
            options=tuple(self.options()),
        )

    def hooks_path(self) -> Path:
        """Folder of the hooks that the operator's git would run.

        Source: `git help config` (core.hooksPath: relative to where hooks run), `git help githooks`.
        """
        where = Path(self._repository.work_tree or self._repository.git_dir)
        said = self._last("core.hookspath")
        return where / os.path.expanduser(said) if said else Path(self._repository.common_dir) / "hooks"

    def recurses(self) -> str:
        """`push.recurseSubmodules` as git reads it: no, check, on-demand or only."""
        own = self._last("push.recursesubmodules")
        said = own or self._last("submodule.recurse")
        if said in ("check", "on-demand", "only"):
            return said
        return "on-demand" if own == "" and _is_true(said) else "no"

    def signs(self) -> str:
        """`push.gpgSign` as git reads it: no, if-asked or yes."""
        said = self._last("push.gpgsign")
        return "if-asked" if said == "if-asked" else "yes" if _is_true(said) else "no"

    def options(self) -> Sequence[str]:
        """`push.pushOption`, of which an empty value clears what stands before it."""
        said = self._values.get("push.pushoption", ())
        return said[max((at + 1 for at, value in enumerate(said) if not value), default=0) :]

    def _configured_hooks(self) -> list[str]:
        return [
            name
            for name in (key[5:-6] for key in self._values if key.startswith("hook.") and key.endswith(".event"))
            if "pre-push" in self._values[f"hook.{name}.event"]
            and _is_true(self._last(f"hook.{name}.enabled") or "true")
        ]

    def _last(self, key: str) -> str:
        return self._values.get(key, ("",))[-1]


def _values(git: Git) -> Mapping[str, list[str]]:
    """Key -> values, the weakest first, without those that git-align sets for every git it starts.

    Section and variable names come in lower case (`git help config`), as git hands them out.
    """
    answer = git.run("config", "-z", "--show-scope", "--get-regexp", _KEYS, accept=(0, 1)).stdout
    parts = text(answer).split("\0")
    values: dict[str, list[str]] = {}
    scopes: dict[str, str] = {}
    for scope, entry in zip(parts[::2], parts[1::2], strict=False):
        key, sign, value = entry.partition("\n")
        values.setdefault(key, []).append(value if sign else "true")
        scopes[key] = scope
    for key, value in _OURS.items():
        if values.get(key, [""])[-1] == value and scopes[key] == "command":
            values[key].pop()
            if not values[key]:
                del values[key]
    return values


def _is_true(value: str) -> bool:
    """As git reads booleans (`git help config`)."""
    return value.lower() in ("true", "yes", "on") or (value.lstrip("+-").isdigit() and int(value) != 0)


def _uses_lfs(repository: Repository, oids: Sequence[Oid], attributes_file: str) -> bool:
    """Whether attributes of any of the commits, of the repository or of the operator give files to Git LFS."""
    for own in (
        Path(repository.common_dir) / "info" / "attributes",
        Path(os.path.expanduser(attributes_file or "/dev/null")),
    ):
        if own.is_file() and _LFS in own.read_bytes():
            return True
    if not oids:
        return False
    first, *others = dict.fromkeys(oids)
    if _names_lfs(repository, [first]):
        return True
    # Most branches have the attribute files of the first one; all trees are read only where one of them has others.
    wanted = "\n".join([*others, f"^{first}"]).encode("ascii")
    changed = repository.git.run("rev-list", "--max-count=1", "--stdin", "--", _ATTRIBUTES, stdin=wanted + b"\n").stdout
    return bool(changed) and _names_lfs(repository, others)


def _names_lfs(repository: Repository, oids: Sequence[Oid]) -> bool:
    """Source: `git help grep`: exit code 0 when something was found, 1 when not."""
    return any(
        repository.git.run(
            "grep", "-q", "-F", _LFS.decode(), *oids[start : start + _AT_ONCE], "--", _ATTRIBUTES, accept=(0, 1)
        ).returncode
        == 0
        for start in range(0, len(oids), _AT_ONCE)
    )
