"""The four checks after a step that the orchestrator's request names, answered from what a run recorded of a branch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gitalign import facade
from gitalign.core.findings import Severity
from gitalign.core.outcome import StepResult
from gitalign.core.validation import TESTS, CheckStatus
from gitalign.errors import UserError
from gitalign.validate.startup import NAME as STARTUP

Answer = Mapping[str, Any]
_PASSED = (CheckStatus.PASSED, CheckStatus.FLAKY)


class StepChecks:
    """What a run recorded of one branch, check by check: give some of its methods to `validate_after_step`.

    Each returns `{"passed": …, "message": …}`. What was not looked at has not passed, and the message says which setting makes
    a run look.

    Args:
        branch: by name.
        repo_path: any path inside the repository.
        run_id: id, unambiguous prefix or `last`.
        integrate_s, detect_s: what integration and detection may take, in seconds.
    """

    def __init__(
        self,
        branch: str,
        *,
        repo_path: str | Path = ".",
        run_id: str = "last",
        integrate_s: float = 30.0,
        detect_s: float = 15.0,
    ) -> None:
        self._branch = branch
        self._request = facade.Request(repo=repo_path)
        self._run_id = run_id
        self._limits = {"integrate": integrate_s, "detect": detect_s}

    def check_service_startup(self) -> Answer:
        """The service of the branch was started, and answered (`validation.startup`)."""
        return self._check(STARTUP, "validation.startup")

    def check_functionality(self) -> Answer:
        """The tests passed (`validation.test_command`)."""
        return self._check(TESTS, "validation.test_command")

    def check_import_paths(self) -> Answer:
        """Detection was on, and found no import that the alignment broke."""
        result = self._result()
        if result.detection == "not configured":
            return _answer(False, "detection did not look: no result was made, or detection.detectors names none")
        findings = getattr(result.outcome, "findings", ())
        broken = [one for one in findings if one.code == "import_unresolved" and one.severity is not Severity.INFO]
        return _answer(not broken, "; ".join(f"{one.path}: {one.message}" for one in broken) or "no import is broken")

    def check_performance(self) -> Answer:
        """Integration and detection took no longer than they may."""
        phases = dict(self._result().phases)
        late = [name for name, limit in self._limits.items() if phases.get(name, 0.0) > limit]
        words = "; ".join(f"{name} took {phases[name]:.1f} s, the limit is {self._limits[name]:g} s" for name in late)
        return _answer(not late, words or "in time")

    def all(self) -> tuple[Callable[[], Answer], ...]:
        """All four, in the order of the request."""
        return (self.check_service_startup, self.check_import_paths, self.check_functionality, self.check_performance)

    def _result(self) -> StepResult:
        """What the run recorded of the branch.

        Raises:
            UserError: the run knows no such branch.
        """
        report = facade.show(self._request, self._run_id)
        for one in report.branches():
            if one.step.branch.name == self._branch:
                return one.result
        raise UserError(f"run {report.run.id} has no branch {self._branch}", hint="git align show")

    def _check(self, name: str, setting: str) -> Answer:
        found = next((one for one in self._result().validation.checks if one.name == name), None)
        if found is None:
            return _answer(False, f"{name} was not looked at: {setting} says what to run")
        return _answer(found.status in _PASSED, f"{name}: {found.status.value}")


def _answer(passed: bool, message: str) -> Answer:
    return {"passed": passed, "message": message}
