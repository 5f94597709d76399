"""Settings of a run, frozen when it begins: who goes on with it applies the gate that it was started with, or refuses."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from gitalign.configuration.load import Config
from gitalign.documents.formats import opened, parsed, stamped
from gitalign.documents.rule_packs import dump_rule_pack
from gitalign.engine.run.session import OpenRepository, configured_rules, run_folder
from gitalign.errors import OutOfSpace, UserError
from gitalign.owned_folders import is_folder
from gitalign.ports import ActivePlugins
from gitalign.shared_files import adopt, make_folder

if TYPE_CHECKING:
    from gitalign.engine.gates.repository_rules import RepositoryRules

FILE = "settings.json"
_SECTIONS = ("orchestration", "alignment", "detection", "validation", "rules", "resolutions", "access")
"""All that decides what a run makes and what it may publish. Not here: who is informed, and what only other verbs use."""


class CannotGoOn(UserError):
    """The gate that a run was started with cannot be applied."""

    code = "cannot_go_on"

    def __init__(self, message: str) -> None:
        super().__init__(message, hint="begin again under the settings that hold now")


class OtherSettings(UserError):
    """Other settings are given for a run than those it began with."""

    code = "other_settings"


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True)

    settings: Mapping[str, Mapping[str, Any]]
    origins: Mapping[str, str]
    rules: str
    plugins: tuple[str, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class Frozen:
    """The settings that a run began with.

    Attributes:
        config: the settings themselves.
        rules: digest of the contents of the rule packs; empty without any.
        plugins: plug-ins of the program that started the run, which no configuration names.
    """

    config: Config
    rules: str = ""
    plugins: tuple[str, ...] = ()


def rules_digest(house: RepositoryRules | None) -> str:
    """Digest of what the house rules say, whatever files they came from."""
    if house is None:
        return ""
    packs = [{**dump_rule_pack(pack), "origin": ""} for pack in house.packs]
    written = json.dumps(packs, separators=(",", ":"))  # in this order of keys, as runs of earlier releases have it
    return hashlib.sha256(written.encode("ascii")).hexdigest()


def dumped(frozen: Frozen) -> str:
    """Frozen settings as JSON text in ASCII."""
    content = {
        "settings": {name: getattr(frozen.config, name).model_dump(mode="json") for name in _SECTIONS},
        "origins": {key: origin for key, origin in frozen.config.origins.items() if key.split(".")[0] in _SECTIONS},
        "rules": frozen.rules,
        "plugins": list(frozen.plugins),
    }
    document = stamped("settings", content)
    return json.dumps({**document, "digest": _digest(document)}, sort_keys=True)


def loaded(text: str, *, current: Config) -> Frozen:
    """Frozen settings from JSON text; what is not frozen is as it is now.

    Raises:
        CannotGoOn: they were changed, or are of another release.
    """
    try:
        data = opened(parsed(text), "settings")
        document = _Document.model_validate(data)
        if document.digest != _digest(data):
            raise CannotGoOn("the settings it began with were changed since")
        sections = {
            name: type(getattr(current, name)).model_validate(document.settings.get(name, {})) for name in _SECTIONS
        }
    except (ValueError, KeyError, RecursionError, AttributeError, ValidationError) as error:
        raise CannotGoOn(f"the settings it began with cannot be read: {str(error).splitlines()[0]}") from error
    untouched = {name: getattr(current, name) for name in type(current).model_fields if name not in _SECTIONS}
    config = Config.model_validate({**untouched, **sections, "origins": document.origins})
    return Frozen(config, document.rules, document.plugins)


def _digest(document: Mapping[str, Any]) -> str:
    content = {key: value for key, value in document.items() if key != "digest"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode("ascii")).hexdigest()


def keep_frozen(folder: Path, frozen: Frozen) -> None:
    """Write them into a run's folder, on disk before the run is in the journal.

    They may hold secrets: this user alone may read them, and in a repository that a group shares the group, which goes on
    with one another's runs.

    Raises:
        OutOfSpace
    """
    place, temporary = folder / FILE, folder / f"{FILE}.new"
    try:
        make_folder(folder)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(dumped(frozen))
            file.flush()
            os.fsync(file.fileno())
        adopt(temporary, most=0o660)
        temporary.replace(place)
    except OSError as error:
        raise OutOfSpace(
            f"cannot write {place}: {error.strerror}; nothing was changed", hint="free some space, then run again"
        ) from error


def read_frozen(folder: Path, *, current: Config) -> Frozen:
    """What `keep_frozen` wrote.

    Raises:
        CannotGoOn: not there (a run of a release that kept none), not readable, or changed.
    """
    if not is_folder(folder):
        raise CannotGoOn("its folder is gone, and with it the settings it began with")
    try:
        text = (folder / FILE).read_text(encoding="ascii")
    except FileNotFoundError as error:
        raise CannotGoOn("it does not say which settings it began with: an earlier release kept none") from error
    except (OSError, UnicodeDecodeError) as error:
        raise CannotGoOn(f"the settings it began with cannot be read: {error}") from error
    return loaded(text, current=current)


def changed_keys(frozen: Config, current: Config) -> tuple[str, ...]:
    """Dotted keys of frozen settings that are set to something else now."""
    return tuple(
        f"{name}.{key}"
        for name in _SECTIONS
        for key in type(getattr(current, name)).model_fields
        if getattr(getattr(current, name), key) != getattr(getattr(frozen, name), key)
    )


def require_same(frozen: Config, current: Config, *, explicit: Sequence[str]) -> None:
    """Refuse when the operator gives other settings for a run than those it began with.

    Args:
        frozen: what it began with.
        current: what holds now.
        explicit: origins of settings that were given for this very command.

    Raises:
        OtherSettings
    """
    other = [key for key in changed_keys(frozen, current) if current.origin(key) in explicit]
    if other:
        raise OtherSettings(
            f"the run began with other settings than those given now ({', '.join(other)})",
            hint="to go on with those it began with, leave them out: git align resume; to begin again: git align run",
        )


def frozen_for(opened: OpenRepository, plugins: ActivePlugins, house: RepositoryRules | None) -> Frozen:
    """What a process that goes on with a run has to know of its gate."""
    return Frozen(opened.config, rules_digest(house), plugins.given)


def gate_of(opened: OpenRepository, run_id: str) -> OpenRepository:
    """The repository with the settings that a run began with, for the process that goes on with it.

    Args:
        opened: with the settings that hold now.
        run_id: the run.

    Raises:
        OtherSettings: other settings were given for this very command.
        CannotGoOn: its gate cannot be applied.
        RulePackError, PluginError: something that the gate needs is missing.
    """
    return with_gate(opened, read_frozen(run_folder(opened.repository, run_id), current=opened.config))


def with_gate(opened: OpenRepository, frozen: Frozen) -> OpenRepository:
    """The repository with frozen settings; arguments and errors as for `gate_of`."""
    require_same(frozen.config, opened.config, explicit=opened.explicit)
    if frozen.plugins:
        raise CannotGoOn(f"a program started it with plug-ins of its own ({', '.join(frozen.plugins)})")
    then = replace(opened, config=frozen.config)
    if rules_digest(configured_rules(then)) != frozen.rules:
        raise CannotGoOn("its rule packs were changed since it began")
    return then
