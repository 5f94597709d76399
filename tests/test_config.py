"""Settings: precedence, every key known, every fault told at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from gitalign.configuration.load import KNOWN_KEYS, Config, load_config
from gitalign.core.policy import GroupExecution, MergesPolicy, Strategy, StrategyRule
from gitalign.errors import ConfigError

DEFAULTS = {
    "enable_parallelization": True,
    "max_workers_per_target": 4,
    "branch_alignment_timeout_seconds": 300,
    "integration_timeout_seconds": 60,
    "error_detection_timeout_seconds": 30,
    "enable_backup_branches": False,
    "backup_branch_prefix": "backup",
    "auto_cleanup_backups": False,
    "enable_circuit_breaker": True,
    "failure_threshold_percent": 50,
    "failure_threshold_count": 5,
    "log_level": "INFO",
    "log_per_branch": True,
    "audit_trail_enabled": True,
    "max_memory_mb": 500,
    "max_concurrent_git_ops": 8,
}


def load(tmp_path: Path, text: str | None = None, **more: object) -> Config:
    place = tmp_path / "config.yaml"
    if text is not None:
        place.write_text(text)
    arguments = {"file": place if text is not None else None, "git_dir": None, "environ": {}, "overrides": {}, **more}
    return load_config(**arguments)  # type: ignore[arg-type]


def faults(tmp_path: Path, text: str | None = None, **more: object) -> str:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, **more)
    assert caught.value.exit_code == 2
    return caught.value.message


def test_keys_and_defaults_are_those_of_the_specification(tmp_path: Path) -> None:
    settings = load(tmp_path).orchestration.model_dump()
    assert {key: settings[key] for key in DEFAULTS} == DEFAULTS
    written = yaml.safe_dump({"orchestration": DEFAULTS})
    assert load(tmp_path, written).orchestration == load(tmp_path).orchestration


def test_flags_win_over_environment_over_file_over_defaults(tmp_path: Path) -> None:
    text = "orchestration: {max_workers_per_target: 2, max_memory_mb: 100, log_level: DEBUG}\n"
    config = load(
        tmp_path,
        text,
        environ={"GITALIGN_ORCHESTRATION__MAX_WORKERS_PER_TARGET": "3", "GITALIGN_ORCHESTRATION__MAX_MEMORY_MB": "200"},
        overrides={"orchestration.max_workers_per_target": 5},
    )
    assert config.orchestration.max_workers_per_target == 5
    assert config.orchestration.max_memory_mb == 200
    assert config.orchestration.log_level == "DEBUG"
    assert config.origin("orchestration.max_workers_per_target") == "command line"
    assert config.origin("orchestration.max_memory_mb") == "GITALIGN_ORCHESTRATION__MAX_MEMORY_MB"
    assert config.origin("orchestration.log_level").endswith("config.yaml")
    assert config.origin("alignment.strategy") == "default"


def test_the_git_directory_may_hold_a_file_and_need_not(tmp_path: Path) -> None:
    assert load(tmp_path, git_dir=tmp_path).alignment.targets == ()
    (tmp_path / "gitalign").mkdir()
    (tmp_path / "gitalign" / "config.yaml").write_text("alignment: {targets: [trunk], remote: upstream}\n")
    config = load(tmp_path, git_dir=tmp_path)
    assert config.alignment.targets == ("trunk",)
    assert config.alignment.remote == "upstream"


def test_strategies_by_rule(tmp_path: Path) -> None:
    text = """
alignment:
  strategies:
    - {match: "epic/*", strategy: merge}
    - {metric: own_commits, at_least: 30, strategy: auto, merges: flatten}
"""
    policy = load(tmp_path, text).policy()
    assert policy.strategies == (
        StrategyRule(strategy=Strategy.MERGE, match="epic/*"),
        StrategyRule(strategy=Strategy.AUTO, merges=MergesPolicy.FLATTEN, metric="own_commits", at_least=30),
    )
    typed = load(tmp_path, text, overrides={"alignment.merges": "refuse"}).policy()
    assert [rule.merges for rule in typed.strategies] == [None, None]
    for rule, words in (
        ("{strategy: merge}", "needs match, target, tag or metric"),
        ("{strategy: merge, metric: behind}", "at_least or at_most"),
        ("{strategy: merge, match: x, at_most: 3}", "at_least or at_most"),
        ("{strategy: squash, match: x}", "strategies"),
        ("{match: x}", "strategies"),
        ("{strategy: merge, metric: behind, at_least: 5, at_most: 1}", "no number fits"),
        ("{strategy: merge, metric: behind, at_least: .nan}", "finite number"),
        ("{strategy: auto, match: refs/heads/x}", "without refs/heads/"),
        ("{strategy: rebase-merges, merges: flatten, match: x}", "means nothing beside"),
        ("{strategy: merge, merges: flatten, match: x}", "means nothing beside"),
    ):
        assert words in faults(tmp_path, f"alignment: {{strategies: [{rule}]}}")


def test_lists_come_from_the_environment_too(tmp_path: Path) -> None:
    config = load(tmp_path, environ={"GITALIGN_ALIGNMENT__TARGETS": "[main, next]", "GITALIGN_HOME": "ignored"})
    assert config.alignment.targets == ("main", "next")


@pytest.mark.parametrize("name", ["GITALIGN_TARGETS", "GITALIGN_ALIGNMENT_TARGETS"])
def test_a_variable_with_a_part_of_a_settings_name_is_not_passed_over(tmp_path: Path, name: str) -> None:
    assert f"{name} sets nothing; did you mean GITALIGN_ALIGNMENT__TARGETS?" in faults(tmp_path, environ={name: "[x]"})


def test_every_fault_is_told_at_once_with_the_nearest_name(tmp_path: Path) -> None:
    told = faults(
        tmp_path,
        "orchestration: {max_worker_per_target: 2, log_level: debgu, max_memory_mb: -1}\nalingment: {}\nalignment: 3\n",
        environ={"GITALIGN_ALIGNMENT__STRATEGI": "x"},
        overrides={"alignment.strategy": "reabse", "orchestration.nothing_like_it": 1},
    )
    for words in (
        "did you mean orchestration.max_workers_per_target?",
        "did you mean alignment?",
        "did you mean debug?",
        "max_memory_mb is -1",
        "did you mean rebase?",
        "GITALIGN_ALIGNMENT__STRATEGI",
        "alignment must hold keys",
        "nothing_like_it",
    ):
        assert words in told, words


def test_a_fault_of_several_keys_names_who_set_them(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, overrides={"resolutions.rungs": ["driver"]})
    assert (
        caught.value.message == "command line: resolutions: the resolver driver needs resolutions.driver: its command"
    )
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, "resolutions: {apply: true}", overrides={"resolutions.rungs": ["union"]})
    assert caught.value.message.startswith(f"{tmp_path / 'config.yaml'}, command line: resolutions: the resolver union")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "not valid YAML"),
        ("- 1\n", "must hold keys"),
        ("orchestration: {max_memory_mb: 100, max_memory_mb: 200}\n", "stands twice"),
        ("orchestration: !!python/object:os.system {}\n", "not valid YAML"),
        ("orchestration: {backup_branch_prefix: '-x'}\n", "start of a branch name"),
        ("alignment: {remote: '--upload-pack=x'}\n", "name of a remote"),
        ("x" * 2_000_000, "larger than"),
    ],
)
def test_bad_files_are_told(tmp_path: Path, text: str, words: str) -> None:
    assert words in faults(tmp_path, text)


def test_a_missing_or_unreadable_file_is_told(tmp_path: Path) -> None:
    assert "cannot read" in faults(tmp_path, file=tmp_path / "gone.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"a: \xff\n")
    assert "not UTF-8" in faults(tmp_path, file=tmp_path / "latin.yaml")


@pytest.mark.parametrize("text", ["", "# only a comment\n", "orchestration:\nalignment:\n"])
def test_empty_files_are_fine(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text).alignment == load(tmp_path).alignment


def test_without_parallelization_there_is_one_worker(tmp_path: Path) -> None:
    limits = load(tmp_path, "orchestration: {enable_parallelization: false}\n").limits()
    assert limits.workers == 1
    assert limits.group_execution is GroupExecution.SEQUENTIAL


def test_thresholds_may_be_switched_off(tmp_path: Path) -> None:
    limits = load(
        tmp_path, "orchestration: {failure_threshold_percent: null, failure_threshold_count: null}\n"
    ).limits()
    assert limits.breaker.count is None
    assert limits.breaker.percent is None


def test_yaml_that_unfolds_without_end_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    rows = [f"x{number}: &x{number} [{', '.join([f'*x{number - 1}'] * 10)}]" for number in range(1, 9)]
    for text in ("\n".join(["x0: &x0 [1]", *rows]), "alignment: &a {targets: [*a]}"):
        file.write_text(text)
        with pytest.raises(ConfigError, match="is not valid YAML"):
            load_config(file=file, git_dir=None, environ={}, overrides={})


def test_the_example_in_the_documents_is_a_configuration_with_every_key_and_its_default(tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / "docs" / "configuration.md").read_text(encoding="utf-8")
    (example,) = [block for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "orchestration:" in block]
    written, default = load(tmp_path, example), load(tmp_path)
    assert written == default.model_copy(update={"origins": written.origins})
    assert {key for key in KNOWN_KEYS if written.origin(key) == "default"} == set()
