"""Which paths of this machine may stand in documents and errors, and the names that are shown instead."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from gitalign.facade import git_directories

_OURS = "git-align-"
_FOR_EVERYBODY = ("/tmp", "/var/tmp", "/usr/tmp", "/dev/shm", "/run/shm")
"""In these only our own folders are hidden: files of repositories name them, and would be shown wrongly."""
_SYSTEM = ("/", "/usr", "/usr/local")


def places_of_process(environ: Mapping[str, str]) -> dict[str, str]:
    """Path -> name: folders of this process, wherever it works."""
    places = {f"{folder}/{_OURS}": "temporary" for folder in _FOR_EVERYBODY}
    temporary = tempfile.gettempdir()
    places[f"{temporary}/{_OURS}" if temporary in _FOR_EVERYBODY else temporary] = "temporary"
    for prefix in (sys.prefix, sys.base_prefix):
        if prefix not in _SYSTEM:
            places[prefix] = "python"
    with suppress(RuntimeError, OSError):
        places[str(Path.home())] = "home"
    for variable, name in (
        ("HOME", "home"),
        ("XDG_CACHE_HOME", "cache"),
        ("XDG_STATE_HOME", "state"),
        ("XDG_CONFIG_HOME", "home"),
    ):
        if environ.get(variable):
            places[environ[variable]] = name
    return _with_targets(places)


def places_of_server(
    folders: Mapping[str, Path], files: Iterable[Path | None], environ: Mapping[str, str]
) -> dict[str, str]:
    """Path -> name: what the operator's settings name, and `places_of_process`.

    Args:
        folders: name that is shown -> folder.
        files: of the operator, such as keys.
        environ: of the process.
    """
    named = {str(folder.absolute()): name for name, folder in folders.items()}
    named |= {str(file.absolute()): "settings" for file in files if file is not None}
    return {**places_of_process(environ), **_with_targets(named)}


def places_of_repository(path: str, config_file: str | None) -> dict[str, str]:
    """Path -> name: where a repository is, under every name, with its work trees."""
    places = {path: "repository", os.path.realpath(path): "repository"}
    if config_file is not None:
        places[config_file] = "settings"
    found = git_directories(path)
    if found is None:
        return places
    folders = [found.git_dir, found.common_dir]
    if os.path.basename(found.common_dir) == ".git":
        folders.append(os.path.dirname(found.common_dir))
    places |= dict.fromkeys(folders, "repository")
    if found.work_tree is not None:
        places[found.work_tree] = "repository"
    return places | _with_targets(dict.fromkeys(found.linked_work_trees(), "work tree"))


def _with_targets(places: Mapping[str, str]) -> dict[str, str]:
    """The same, also for the folders that links among them lead to."""
    return {path: name for path, name in _resolved(places) if path not in _SYSTEM}


def _resolved(places: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for path, name in places.items():
        yield path, name
        yield os.path.realpath(path), name


class PlacesOfJob:
    """What paths documents of a job may name, as far as they are not known yet.

    Args:
        path: of the repository.
        config_file: the operator's settings for it.
        machine: see `places_of_process`.
    """

    def __init__(self, path: str, config_file: str | None, machine: Mapping[str, str]) -> None:
        self._path, self._config_file, self._machine = path, config_file, machine
        self._noted: dict[str, str] = {}
        self._seen_at = -1

    def note(self, write: Callable[[Mapping[str, str]], None]) -> None:
        """Write down those that are new, and count them as known once they are; asks the disk whether work trees came.

        Args:
            write: takes path -> name.
        """
        found = git_directories(self._path)
        listed_at = 0 if found is None else found.listed_at()
        if listed_at == self._seen_at:
            return
        places = {**self._machine, **places_of_repository(self._path, self._config_file)}
        write({path: name for path, name in places.items() if self._noted.get(path) != name})
        self._noted |= places
        self._seen_at = listed_at
