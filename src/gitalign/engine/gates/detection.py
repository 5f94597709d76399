"""Detection: what is wrong with a result. The one implementation, for runs, for results that people made, and by itself."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from gitalign.core.findings import Finding, FindingRule
from gitalign.core.graph import CommitGraph
from gitalign.core.names import Oid, display
from gitalign.core.outcome import Failed
from gitalign.engine.gates.gate import PASS, Verdict
from gitalign.engine.gates.second_thread import SecondThreads
from gitalign.errors import GitAlignError, NoResources
from gitalign.git.command import text
from gitalign.git.history import load_graph
from gitalign.git.object_source import RepositorySource
from gitalign.git.repository import Repository
from gitalign.ports import ActivePlugins, DetectionRequest, Detector, Source
from gitalign.shortages import in_words, is_a_bug

_MORE_MEMORY = "raise the limits (ulimit -v, ulimit -u), then: git align run"
_LOG = logging.getLogger("gitalign.detection")
_IN_REPORT = "look at the findings in the report; the branch was not moved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A result that detectors are to look at.

    Attributes:
        branch, target: names.
        before: the branch as it was.
        onto: the target.
        after: the result.
    """

    branch: str
    target: str
    before: Oid
    onto: Oid
    after: Oid


def request_of(looked: Looked, *, repository: str, graph: CommitGraph, source: Source) -> DetectionRequest:
    """What detectors are asked.

    Args:
        looked: the result.
        repository: git directory that sees it.
        graph: history of branch and target.
        source: reads its objects.
    """
    own = graph.own(looked.before, looked.onto)
    return DetectionRequest(
        repository=repository,
        branch=looked.branch,
        target=looked.target,
        base=own.bases[0] if own.bases else None,
        own=tuple((parent, oid) for oid in (*own.picks, *own.merges) for parent in graph.parents(oid)[:1]),
        before=looked.before,
        onto=looked.onto,
        after=looked.after,
        changed_paths=tuple(text(change.path) for change in source.changes(looked.onto, looked.after)),
        source=source,
    )


@contextmanager
def outside_a_run(repository: Repository, looked: Looked, *, timeout_s: float) -> Iterator[DetectionRequest]:
    """The same about a result that someone made, without any run; it can be used while inside.

    Args:
        repository: has the result.
        looked: the result.
        timeout_s: deadline of one question to git in seconds.

    Raises:
        GitError
    """
    graph = load_graph(repository, [looked.onto, looked.before])
    source = RepositorySource(repository.git, timeout_s=timeout_s)
    try:
        yield request_of(looked, repository=repository.git.git_dir, graph=graph, source=source)
    finally:
        source.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """The detectors that look, and which of their findings refuse a result.

    Attributes:
        timeout_s: what all detectors together may take for one result, in seconds.
        hint: what to do about a refused result.
        threads: in which detectors look.
    """

    detectors: Sequence[Detector]
    rule: FindingRule
    timeout_s: float
    hint: str = _IN_REPORT
    threads: SecondThreads = field(default_factory=SecondThreads, compare=False, repr=False)

    @classmethod
    def of(cls, plugins: ActivePlugins, *, timeout_s: float, hint: str = _IN_REPORT) -> Detection:
        """Those that are configured."""
        return cls(detectors=plugins.detectors, rule=plugins.refusing, timeout_s=timeout_s, hint=hint)

    def judge(self, request: DetectionRequest, *, left_behind: Callable[[], None] = lambda: None) -> Verdict:
        """The verdict about one result. A detector that raises, or gives no answer in time, refuses.

        Args:
            request: the result.
            left_behind: called when a detector is still looking at the end of its time: nothing that the request reads
                from may be used by anything else.

        Raises:
            GitAlignError: the world is broken, which says nothing about the result.
        """
        if not self.detectors:
            return PASS
        watch = _Watch()
        try:
            findings = tuple(self._found(request, watch))
        except TimeoutError as error:
            left_behind()
            raised = "raise orchestration.error_detection_timeout_seconds"
            return _failed(
                Failed(
                    code="detector_timed_out",
                    reason=str(error),
                    hint=f"{raised}, or take the detector out of detection.detectors",
                    stage="detect",
                )
            )
        except GitAlignError:
            raise
        except MemoryError as error:
            raise NoResources("there is not enough memory here to run detectors", hint=_MORE_MEMORY) from error
        except BaseException as error:  # a plug-in may call sys.exit, too
            words = (watch.detector, request.branch, in_words(error))
            _LOG.error("detector %s failed on %s: %s", *words, exc_info=is_a_bug(error))
            reason = f"detector {watch.detector} raised {type(error).__name__}: {error}"
            return _failed(Failed(code="detector_failed", reason=reason, stage="detect"))
        refusing = [finding for finding in findings if self.rule.refuses(finding)]
        if not refusing:
            return Verdict(findings=findings, detection="found" if findings else "clean")
        first = refusing[0]
        where = f" in {display(first.path)}" if first.path is not None else ""
        refusal = Failed(
            code="error_detection",
            reason=f"{_counted(len(refusing))}, first {first.code}{where}: {first.message}",
            hint=self.hint,
            stage="detect",
        )
        return Verdict(refusal=refusal, findings=findings, detection="refused")

    def _found(self, request: DetectionRequest, watch: _Watch) -> list[Finding]:
        """What all detectors find, if they end in time.

        A thread cannot be ended from outside; one that is late is left behind.

        Raises:
            TimeoutError
            NoResources: no thread can be started, which says nothing about the detectors.
        """
        found: list[Finding] = []
        ended: list[BaseException | None] = []

        def look() -> None:
            try:
                for detector in self.detectors:
                    watch.detector = detector.name
                    found.extend(detector.detect(request))
                ended.append(None)
            except BaseException as error:
                ended.append(error)

        try:
            is_over = self.threads.looked(look, within_s=self.timeout_s)
        except RuntimeError as error:
            raise NoResources(
                "there is not enough memory here, or not enough threads are allowed, to run detectors",
                hint=_MORE_MEMORY,
            ) from error
        if not is_over:
            raise TimeoutError(f"detector {watch.detector} gave no answer within {self.timeout_s:g} s")
        if ended[0] is not None:
            raise ended[0]
        return found

    def findings(self, request: DetectionRequest) -> list[Finding]:
        """What the detectors find, whatever it means for the result.

        Raises:
            GitError, PluginError
        """
        return [finding for detector in self.detectors for finding in detector.detect(request)]


def _failed(refusal: Failed) -> Verdict:
    return Verdict(refusal=refusal, detection="failed")


def _counted(findings: int) -> str:
    return "1 finding forbids it" if findings == 1 else f"{findings} findings forbid it"


@dataclass(slots=True)
class _Watch:
    """Which detector is looking."""

    detector: str = ""
