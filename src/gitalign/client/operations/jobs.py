"""Jobs, the audit trail, and how the service itself is."""

from __future__ import annotations

import json
from collections.abc import Sequence

from gitalign.client.operation import Ask, operation
from gitalign.documents.models.service import (
    AuditCheckDocument,
    AuditTrailDocument,
    HealthDocument,
    JobDocument,
    JobsDocument,
    ReadinessDocument,
)


def _text(said: object) -> str:
    return said if isinstance(said, str) else json.dumps(said)


class Jobs:
    """What was asked for, and by whom."""

    @operation("GET /api/v1/jobs")
    def list_jobs(
        self, *, state: Sequence[str] = (), cursor: str | None = None, limit: int | None = None
    ) -> Ask[JobsDocument]:
        """A page of jobs of all repositories that the token may see, newest first; `jobs` goes through all."""
        return Ask(params={"state": list(state), "cursor": cursor, "limit": limit})

    @operation("GET /api/v1/repositories/{repository}/jobs")
    def list_jobs_of(
        self, repository: str, *, kind: Sequence[str] = (), cursor: str | None = None, limit: int | None = None
    ) -> Ask[JobsDocument]:
        """A page of jobs of a repository, newest first."""
        return Ask(params={"kind": list(kind), "cursor": cursor, "limit": limit})

    @operation("GET /api/v1/jobs/{job}")
    def job(self, job: JobDocument | str, *, patiently: bool = False) -> Ask[JobDocument]:
        """A job as it is now; `patiently` also waits for a service that is away, as `wait` does."""
        return Ask(followed=job if patiently else None)

    @operation("GET /api/v1/jobs/{job}/document")
    def text(self, job: JobDocument | str, *, patiently: bool = False) -> Ask[str]:
        """What a job came to as text: a report as HTML, Markdown or JUnit, and JSON unread."""
        return Ask(followed=job if patiently else None, read=_text, takes_text=True)

    @operation("POST /api/v1/jobs/{job}/stop")
    def stop(self, job: JobDocument | str, *, key: str | None = None) -> Ask[JobDocument]:
        """Ask a job to end cleanly."""
        return Ask()

    @operation("GET /api/v1/audit")
    def audit(
        self, *, actor: str = "", action: str = "", subject: str = "", cursor: str | None = None, limit: int = 100
    ) -> Ask[AuditTrailDocument]:
        """A page of the audit trail, newest first: entries that contain the words that are given."""
        return Ask(params={"actor": actor, "action": action, "subject": subject, "cursor": cursor, "limit": limit})

    @operation("GET /api/v1/audit/check")
    def check_audit(self, *, head: str | None = None) -> Ask[AuditCheckDocument]:
        """Whether the audit trail is whole, and contains the head that was noted earlier."""
        return Ask(params={"head": head})

    @operation("GET /health")
    def health(self) -> Ask[HealthDocument]:
        """The process answers."""
        return Ask()

    @operation("GET /ready")
    def ready(self) -> Ask[ReadinessDocument]:
        """The database answers."""
        return Ask()

    @operation("GET /metrics")
    def metrics(self) -> Ask[str]:
        """Metrics in the text format of Prometheus."""
        return Ask(read=str, takes_text=True)
