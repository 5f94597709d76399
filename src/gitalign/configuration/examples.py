"""What to write into the configuration file for a setting that a message names."""

from __future__ import annotations

import re
from collections.abc import Mapping

import yaml
from pydantic import BaseModel

from gitalign.configuration.load import KNOWN_KEYS, Config

_KEY = re.compile(r"\b[a-z]+\.[a-z_]+\b")
_MOST_SHOWN = 3
# Where the default says nothing about what can be written.
_TELLING: Mapping[str, object] = {
    "alignment.targets": ["main", "develop"],
    "alignment.strategies": [{"match": "shared/*", "strategy": "merge"}],
    "validation.test_command": ["pytest", "-q"],
    "validation.checks": [{"name": "lint", "command": ["ruff", "check"]}],
    "validation.critical_files": [{"path": "package.json", "checks": ["valid_json"]}],
    "validation.startup": {"module": "app.main", "factory": "create_app"},
    "validation.directory": "/var/tmp/git-align",
    "validation.pass_environment": ["DATABASE_URL"],
    "validation.read_only_paths": ["~/.rustup"],
    "batch.worktree_dir": "/var/tmp/git-align-trees",
    "batch.readable": ["~/.config/agent"],
    "categorization.rules": [{"match": "docs/*", "target": "main"}],
    "categorization.keywords": {"main": ["web", "api"]},
    "landing.dependencies": {"lands-later": ["lands-first"]},
    "telemetry.metrics_file": "/var/lib/node_exporter/git-align.prom",
    "rules.packs": ["python"],
    "resolutions.rungs": ["whitespace", "imports"],
    "resolutions.union_files": ["CHANGELOG.md"],
    "resolutions.driver": {"command": ["mergiraf", "merge", "--git", "%O", "%A", "%B"], "paths": ["*.py"]},
    "resolutions.external": {"command": ["/usr/local/bin/settle"], "paths": ["*.py"]},
    "resolutions.regenerate": [{"command": ["npm", "install", "--package-lock-only"], "paths": ["package-lock.json"]}],
}


def example_lines(text: str) -> tuple[str, ...]:
    """Lines of YAML for the settings that a text names by their dotted keys; empty when it names none."""
    named = dict.fromkeys(key for key in _KEY.findall(text) if key in KNOWN_KEYS)
    sections: dict[str, dict[str, object]] = {}
    for dotted in list(named)[:_MOST_SHOWN]:
        section, _, key = dotted.partition(".")
        sections.setdefault(section, {})[key] = _TELLING.get(dotted, _default(section, key))
    lines: list[str] = []
    for section, keys in sections.items():
        lines.append(f"{section}:")
        lines += [f"  {key}: {_in_one_line(value)}" for key, value in keys.items()]
    return tuple(lines)


def _default(section: str, key: str) -> object:
    model = getattr(Config(), section)
    assert isinstance(model, BaseModel)
    return model.model_dump(mode="json")[key]


def _in_one_line(value: object) -> str:
    written = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True, sort_keys=False)
    return written.removesuffix("...\n").strip()
