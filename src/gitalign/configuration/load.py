"""Settings: one YAML file, environment and flags over it, every key known and every value checked.

Read only from files the operator names or keeps in the git directory, never from a work tree: a branch must not be able to
change what a run does.
"""

from __future__ import annotations

import difflib
import glob
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field, ValidationError

from gitalign.configuration.access_settings import Access
from gitalign.configuration.batch_settings import OTHER_NAMES, Batch
from gitalign.configuration.check_settings import Validation
from gitalign.configuration.given import ENVIRONMENT, LARGEST_BYTES, file_of
from gitalign.configuration.page_settings import Pages
from gitalign.configuration.protection_settings import Protection
from gitalign.configuration.resolution_settings import Resolutions
from gitalign.configuration.section import Section
from gitalign.configuration.settings import (
    Alignment,
    Categorization,
    Detection,
    Landing,
    Orchestration,
    Rules,
    Telemetry,
)
from gitalign.configuration.store_settings import Store
from gitalign.configuration.strict_yaml import NotStrict, load_yaml
from gitalign.core.policy import (
    BreakerPolicy,
    GroupExecution,
    Limits,
    Policy,
    StrategyRule,
)
from gitalign.core.push import PushSettings
from gitalign.errors import ConfigError
from gitalign.input_file import Unreadable, read_bounded

if TYPE_CHECKING:
    from gitalign.core.validation import ValidationPlan

_LONGEST_SHOWN = 200


class Config(Section):
    """All settings, and where each came from.

    Attributes:
        origins: by dotted key; see `origin`.
        own_file: the file in the git directory, where it was read because the operator named none.
    """

    orchestration: Orchestration = Field(default_factory=Orchestration.model_construct)
    alignment: Alignment = Field(default_factory=Alignment.model_construct)
    detection: Detection = Field(default_factory=Detection.model_construct)
    validation: Validation = Field(default_factory=Validation.model_construct)
    categorization: Categorization = Field(default_factory=Categorization.model_construct)
    landing: Landing = Field(default_factory=Landing.model_construct)
    telemetry: Telemetry = Field(default_factory=Telemetry.model_construct)
    rules: Rules = Field(default_factory=Rules.model_construct)
    resolutions: Resolutions = Field(default_factory=Resolutions.model_construct)
    pages: Pages = Field(default_factory=Pages.model_construct)
    store: Store = Field(default_factory=Store.model_construct)
    batch: Batch = Field(default_factory=Batch.model_construct)
    protection: Protection = Field(default_factory=Protection.model_construct)
    access: Access = Field(default_factory=Access.model_construct)
    origins: Mapping[str, str] = Field(default_factory=dict, exclude=True)
    own_file: str | None = Field(default=None, exclude=True)

    def origin(self, key: str) -> str:
        """Where the value of a dotted key came from: a file, an environment variable, `command line` or `default`."""
        return self.origins.get(key, "default")

    def is_of_repository(self, key: str) -> bool:
        """Whether the value of a dotted key came with the repository; the operator did not give it for this command."""
        return self.own_file is not None and self.origin(key) == self.own_file

    def policy(self) -> Policy:
        """What changes results, as the value that travels with a plan."""
        settings = self.alignment
        typed = self.origin("alignment.merges") == "command line"
        return Policy(
            strategy=settings.strategy,
            strategies=tuple(
                # What is typed goes for every branch.
                StrategyRule(**rule.model_dump(exclude={"merges"} if typed else None))
                for rule in settings.strategies
            ),
            merges=settings.merges,
            already_merged=settings.already_merged,
            checked_out=settings.checked_out,
            committer=settings.committer,
            unknown_target=settings.unknown_target,
            integration_prefix=settings.integration_prefix,
            partial=settings.partial,
            iterative_step=settings.iterative_step,
            backups=self.orchestration.enable_backup_branches,
            backup_prefix=self.orchestration.backup_branch_prefix,
            protected=settings.protected,
            apply_resolutions=self.resolutions.apply,
            read_rr_cache=self.resolutions.rr_cache != "off",
            auto_resolvers=self.resolutions.rungs,
            union_files=self.resolutions.union_files,
            programs=self.resolutions.programs().digest(self.resolutions.rungs),
        )

    def pushing(self) -> PushSettings:
        """What the operator decided about pushing."""
        settings = self.alignment
        return PushSettings(
            remote=settings.remote,
            insists=self.origin("alignment.remote") != "default",
            with_hooks=settings.push_hooks == "run",
            targets=settings.targets,
            protected=settings.protected,
        )

    def checks(self) -> ValidationPlan:
        """What is run on results before they are published."""
        return self.validation.plan()

    def limits(self) -> Limits:
        """What bounds a run."""
        settings = self.orchestration
        parallel = settings.enable_parallelization
        return Limits(
            workers=settings.max_workers_per_target if parallel else 1,
            max_git_processes=settings.max_concurrent_git_ops,
            branch_timeout_s=settings.branch_alignment_timeout_seconds,
            integration_timeout_s=settings.integration_timeout_seconds,
            detection_timeout_s=settings.error_detection_timeout_seconds,
            max_memory_bytes=settings.max_memory_mb * 1024 * 1024,
            max_attempts=settings.max_attempts,
            group_execution=settings.group_execution if parallel else GroupExecution.SEQUENTIAL,
            breaker=BreakerPolicy(
                enabled=settings.enable_circuit_breaker,
                count=settings.failure_threshold_count,
                percent=settings.failure_threshold_percent,
                counts_conflicts=settings.breaker_counts_conflicts,
            ),
        )


SECTIONS: Mapping[str, type[BaseModel]] = {
    "orchestration": Orchestration,
    "alignment": Alignment,
    "detection": Detection,
    "validation": Validation,
    "categorization": Categorization,
    "landing": Landing,
    "telemetry": Telemetry,
    "rules": Rules,
    "resolutions": Resolutions,
    "pages": Pages,
    "store": Store,
    "batch": Batch,
    "protection": Protection,
    "access": Access,
}
KNOWN_KEYS: tuple[str, ...] = tuple(
    f"{section}.{key}" for section, model in SECTIONS.items() for key in model.model_fields
)


def load_config(
    *, file: Path | None, git_dir: Path | None, environ: Mapping[str, str], overrides: Mapping[str, object]
) -> Config:
    """Read settings; flags win over the environment, that over the file, that over the defaults.

    Args:
        file: the file the operator named; must exist.
        git_dir: the git common directory; `gitalign/config.yaml` in it is read when `file` is None and it exists.
        environ: variables such as `GITALIGN_ORCHESTRATION__MAX_MEMORY_MB`; lists are written as YAML (`[main, next]`).
        overrides: values by dotted key.

    Raises:
        ConfigError: every fault at once, each with place, value and the nearest valid name.
    """
    faults: list[str] = []
    values: dict[str, object] = {}
    origins: dict[str, str] = {}
    place = file_of(file, git_dir)
    own_file: str | None = None
    if place is not None and (file is not None or place.exists()):
        own_file = str(place) if file is None else None
        for key, value in _from_file(place, faults):
            values[key], origins[key] = value, str(place)
    for key, value, name in _from_environment(environ, faults):
        values[key], origins[key] = value, name
    for key, value in overrides.items():
        if key not in KNOWN_KEYS:
            faults.append(f"command line: {_unknown(key)}")
            continue
        if key == "alignment.targets" and key in values:
            _keep_where_they_are(values, values[key])
        values[key], origins[key] = value, "command line"
    sections: dict[str, Any] = {}
    for section, model in SECTIONS.items():
        mine = {key.partition(".")[2]: value for key, value in values.items() if key.partition(".")[0] == section}
        if not mine:
            sections[section] = (
                model.model_construct()
            )  # defaults need no check, which takes longer to build than to do
            continue
        try:
            sections[section] = model.model_validate(mine)
        except ValidationError as error:
            faults += [_fault(section, dict(detail), origins) for detail in error.errors()]
    if faults:
        raise ConfigError("; ".join(faults), hint="correct it, then: git align doctor")
    return Config.model_construct(**sections, origins=origins, own_file=own_file)


def _keep_where_they_are(values: dict[str, object], targets: object) -> None:
    """Protect configured targets that the command line replaces: they do not become feature branches by that."""
    protected = values.get("alignment.protected", Alignment.model_fields["protected"].default)
    if isinstance(targets, list | tuple) and isinstance(protected, list | tuple):
        names = [glob.escape(name) for name in targets if isinstance(name, str)]
        values["alignment.protected"] = [*protected, *(name for name in names if name not in protected)]


def _fault(section: str, detail: dict[str, Any], origins: Mapping[str, str]) -> str:
    message = str(detail["msg"]).removeprefix("Value error, ")
    if not detail["loc"]:
        # About several keys of the section together: any of them may have to be changed.
        given = dict.fromkeys(origin for key, origin in origins.items() if key.startswith(f"{section}."))
        return f"{', '.join(given) or 'default'}: {section}: {message}"
    key = f"{section}.{detail['loc'][0]}"
    value = detail.get("input")
    near = ""
    if detail.get("type") in ("enum", "literal_error") and isinstance(value, str):
        offered = [
            word.strip(" '") for word in str(detail.get("ctx", {}).get("expected", "")).replace(" or ", ",").split(",")
        ]
        match = difflib.get_close_matches(value.lower(), [word.lower() for word in offered], n=1, cutoff=0.5)
        near = f"; did you mean {match[0]}?" if match else ""
    inside = "".join(f"[{part!r}]" for part in detail["loc"][1:])
    shown = repr(value)
    shown = shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}…"
    return f"{origins.get(key, 'default')}: {key}{inside} is {shown}: {message}{near}"


def _unknown(key: str) -> str:
    match = difflib.get_close_matches(key, KNOWN_KEYS, n=1, cutoff=0.6) or [
        known for known in KNOWN_KEYS if known.partition(".")[2] == key.rpartition(".")[2]
    ]
    return f"unknown key {key!r}" + (f"; did you mean {match[0]}?" if match else "")


def _text(place: Path) -> str:
    if place.is_fifo():
        # Settings are read more than once: the second time they would all be gone, without a word.
        raise ConfigError(f"{place} is a pipe", hint="write the settings to a file, then --config FILE")
    try:
        return read_bounded(place, most_bytes=LARGEST_BYTES).decode("utf-8-sig")
    except Unreadable as error:
        raise ConfigError(error.message, hint="give a readable file with --config FILE") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"cannot read {place}: not UTF-8", hint="give a readable file with --config FILE") from error


def _from_file(place: Path, faults: list[str]) -> list[tuple[str, object]]:
    text = _text(place)
    try:
        data = load_yaml(text)
    except NotStrict as error:
        raise ConfigError(
            f"{place} is not valid YAML: {error}",
            hint="write it like this:   alignment: {targets: [main]}",
        ) from error
    if data is None:
        return []
    if not isinstance(data, dict):
        raise ConfigError(
            f"{place} must hold keys, not a {type(data).__name__}",
            hint="write it like this:   alignment: {targets: [main]}",
        )
    found: list[tuple[str, object]] = []
    for section, content in data.items():
        if section not in SECTIONS:
            faults.append(f"{place}: {_unknown_section(section)}")
            continue
        if content is None:
            continue
        if not isinstance(content, dict):
            faults.append(f"{place}: {section} must hold keys, not a {type(content).__name__}")
            continue
        for key, value in content.items():
            dotted = f"{section}.{key}"
            if dotted in KNOWN_KEYS:
                found.append((dotted, value))
            else:
                faults.append(f"{place}: {_unknown(dotted)}")
    return found


def _unknown_section(section: object) -> str:
    if section in OTHER_NAMES:
        return f"the section {section} is called {OTHER_NAMES[str(section)]}, with the same keys"
    match = difflib.get_close_matches(str(section), SECTIONS, n=1, cutoff=0.5)
    return f"unknown key {section!r}" + (f"; did you mean {match[0]}?" if match else f" (known: {', '.join(SECTIONS)})")


def _meant(word: str) -> str:
    """The variable that was meant by one without `__`; empty where none was."""
    for key in KNOWN_KEYS:
        if word in (key.replace(".", "_"), key.removeprefix("alignment.")):
            return f"{ENVIRONMENT}{key.replace('.', '__').upper()}"
    return ""


def _from_environment(environ: Mapping[str, str], faults: list[str]) -> list[tuple[str, object, str]]:
    found: list[tuple[str, object, str]] = []
    for name, value in environ.items():
        if not name.startswith(ENVIRONMENT):
            continue
        if "__" not in name:  # other variables of ours, or a setting written wrong, which must not be passed over
            if meant := _meant(name.removeprefix(ENVIRONMENT).lower()):
                faults.append(f"environment variable {name} sets nothing; did you mean {meant}?")
            continue
        key = name.removeprefix(ENVIRONMENT).lower().replace("__", ".", 1)
        if key not in KNOWN_KEYS:
            faults.append(f"environment variable {name}: {_unknown(key)}")
            continue
        try:
            found.append((key, load_yaml(value), name))
        except NotStrict as error:
            import yaml

            if isinstance(error.__cause__, yaml.MarkedYAMLError | yaml.reader.ReaderError):
                found.append((key, value, name))  # a plain word, such as a glob, that only looks like YAML
            else:
                faults.append(f"environment variable {name} cannot be read: {error}")
    return found
