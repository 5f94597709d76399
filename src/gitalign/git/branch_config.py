"""The section `branch.<name>` of a repository's configuration: taken away with the branch, as `git branch -d` does, and given back.

Source: builtin/branch.c, delete_branch_config; `git help config`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gitalign.git.command import text
from gitalign.git.repository import Repository

Section = tuple[tuple[str, str], ...]
"""Variable names and values, in their order."""


def read_sections(repository: Repository, names: Iterable[str]) -> Mapping[str, Section]:
    """Branch -> its section, of those that have one, from the repository's own file.

    Raises:
        GitError
    """
    wanted = set(names)
    answer = repository.git.run("config", "--local", "-z", "--get-regexp", r"^branch\.", accept=(0, 1)).stdout
    found: dict[str, list[tuple[str, str]]] = {}
    for entry in text(answer).split("\0"):
        key, has_value, value = entry.partition("\n")
        name, dot, variable = key.removeprefix("branch.").rpartition(".")
        if dot and name in wanted:
            found.setdefault(name, []).append((variable, value if has_value else "true"))
    return {name: tuple(entries) for name, entries in found.items()}


def remove_section(repository: Repository, name: str) -> None:
    """Remove the section of a branch; one that is not there is no fault.

    Raises:
        GitError: the file is locked, or cannot be written.
    """
    repository.git.run("config", "--local", "--remove-section", f"branch.{name}", accept=(0, 128))
    if name in read_sections(repository, [name]):  # 128 is also a failure
        repository.git.run("config", "--local", "--remove-section", f"branch.{name}")


def write_section(repository: Repository, name: str, section: Section) -> None:
    """Write the section of a branch that has none.

    Raises:
        GitError
    """
    for variable, value in section:
        repository.git.run("config", "--local", "--add", f"branch.{name}.{variable}", value)


def read_parents(repository: Repository) -> Mapping[str, str]:
    """Branch -> the branch that git-town keeps as its parent (`git-town-branch.<name>.parent`).

    Raises:
        GitError
    """
    words = ("config", "--local", "-z", "--get-regexp", r"^git-town-branch\..*\.parent$")
    answer = text(repository.git.run(*words, accept=(0, 1)).stdout)
    entries = (entry.partition("\n") for entry in answer.split("\0") if entry)
    return {key.removeprefix("git-town-branch.").rpartition(".")[0]: parent for key, _, parent in entries}
