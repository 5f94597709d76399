"""What the repository itself says of its long-lived branches: read from the primary branch's tree and from git's configuration.

Nothing of it runs, and nothing is taken from a work tree. A file that cannot be read takes nothing else with it; it is named.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from gitalign.configuration.strict_yaml import load_yaml
from gitalign.core import protection
from gitalign.core.long_lived import Evidence
from gitalign.core.names import Oid, display
from gitalign.errors import GitError
from gitalign.git.asking import retried
from gitalign.git.command import text
from gitalign.git.missing import missing_below
from gitalign.git.objects import FileReader
from gitalign.git.repository import Repository

_LONGEST_BYTES = 128 * 1024
_MOST_FILES = 200
_TIMEOUT_S = 60.0
_WORKFLOWS, _RULESETS = ".github/workflows/", ".github/rulesets/"
_MERGIFY = (".mergify.yml", ".mergify/config.yml", ".github/mergify.yml")
_BORS = ("bors.toml", ".bors.toml")
_PLACES = (_WORKFLOWS, _RULESETS, ".github/settings.yml", ".github/settings.yaml", ".gitlab-ci.yml", ".asf.yaml")
_CONFIG = re.compile(r"(gitflow|git-town|git-town-branch|branch)\.|push\.default$")
_ON = re.compile(r"(?:on|'on'|\"on\"|true)\s*:")


def protected_branches(
    repository: Repository, primary: Oid | None, configuration: Iterable[tuple[str, str]]
) -> tuple[tuple[Evidence, ...], tuple[str, ...]]:
    """What speaks for long-lived branches, and which files could not be read, with why.

    Args:
        repository: has the files.
        primary: the commit whose files are read; None where there is no target.
        configuration: git's, every key with its value.

    Raises:
        GitError
    """
    found = list(protection.of_config((key, value) for key, value in configuration if _CONFIG.match(key)))
    unread: list[str] = []
    if primary is not None:
        for path, content in _files(repository, primary, unread):
            try:
                found += _said(path, content)
            except (ValueError, RecursionError) as error:  # of YAML, JSON, TOML and UTF-8
                unread.append(f"{display(path)}: {display(' '.join(str(error).split())[:200])}")
    return tuple(dict.fromkeys(found)), tuple(unread)


def _files(repository: Repository, commit: Oid, unread: list[str]) -> Iterator[tuple[str, bytes]]:
    """The files that may say something, as far as they can be read."""
    words = ("ls-tree", "-r", "-z", "--name-only", "--full-tree", commit, "--", *_PLACES, *_MERGIFY, *_BORS)
    try:
        listed = retried(lambda: repository.git.run(*words, timeout_s=_TIMEOUT_S).stdout)
    except GitError:
        if (lost := missing_below(repository.git, commit)) is None:
            raise
        unread.append(f"the files of {commit[:12]}: object {lost[:12]} is missing")
        return
    paths = [path for path in text(listed).split("\0") if path and _reader_of(path) is not None]
    if len(paths) > _MOST_FILES:
        unread.append(f"{len(paths) - _MOST_FILES} of {len(paths)} files, which are too many")
    if not paths:
        return
    reader = FileReader(repository.git, timeout_s=_TIMEOUT_S)
    try:
        names = [f"{commit}:{path}".encode("utf-8", "surrogateescape") for path in paths[:_MOST_FILES]]
        contents = reader.read(names, most_bytes=_LONGEST_BYTES)
    finally:
        reader.close()
    for path, content in zip(paths, contents, strict=False):
        if content is None:
            unread.append(f"{display(path)}: not there, or longer than {_LONGEST_BYTES // 1024} KiB")
        else:
            yield path, content


def _said(path: str, content: bytes) -> list[Evidence]:
    reader = _reader_of(path)
    return list(reader(content.decode("utf-8-sig"))) if reader is not None else []


def _reader_of(path: str) -> Callable[[str], Iterator[Evidence]] | None:
    """What reads a file; None for one that says nothing."""
    if path.startswith(_WORKFLOWS):
        return (lambda words: protection.of_workflow(_triggers(words), path)) if _is_yaml(path) else None
    if path.startswith(_RULESETS):
        return (lambda words: protection.of_ruleset(json.loads(words), path)) if path.endswith(".json") else None
    if path in _BORS:
        import tomllib

        return lambda words: protection.of_bors(tomllib.loads(words), path)
    if path in _MERGIFY:
        return lambda words: protection.of_mergify(_yaml(words), path)
    if path == ".gitlab-ci.yml":
        return lambda words: protection.of_gitlab(_yaml(words))
    if path == ".asf.yaml":
        return lambda words: protection.of_asf(_yaml(words))
    return (lambda words: protection.of_settings(_yaml(words))) if path.startswith(".github/settings.") else None


def _is_yaml(path: str) -> bool:
    return path.endswith((".yml", ".yaml"))


def _yaml(words: str) -> Any:
    return load_yaml(words, ignores_tags=True)


def _triggers(words: str) -> Any:
    """The part of a workflow that says when it runs. The jobs are most of it, and reading them would take a second for forty files."""
    lines = words.splitlines()
    start = next((at for at, line in enumerate(lines) if _ON.match(line)), len(lines))
    end = next(
        (at for at in range(start + 1, len(lines)) if lines[at][:1] not in ("", " ", "\t", "#", "-")), len(lines)
    )
    return _yaml("\n".join(lines[start:end]))
