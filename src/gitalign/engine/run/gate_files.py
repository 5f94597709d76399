"""What the validation gate says of every branch of a run, as files beside its report."""

from __future__ import annotations

import json

from gitalign.core.names import file_name_for
from gitalign.core.report import Report
from gitalign.core.validation import ValidationStatus
from gitalign.documents.formats import stamped
from gitalign.documents.gate_file import gate_document
from gitalign.errors import GitError
from gitalign.git.asking import retried
from gitalign.git.command import text
from gitalign.git.repository import Repository
from gitalign.shared_files import adopt, make_folder


def keep_gate(repository: Repository, report: Report) -> None:
    """Write `validation/<branch>.json` into a run's folder for each branch that was looked at, or excused."""
    branches = [one for one in report.branches() if one.result.validation.status is not ValidationStatus.NOT_CONFIGURED]
    if not branches:
        return
    folder = repository.state_dir / "runs" / report.run.id / "validation"
    make_folder(folder)
    authors = _authors(repository, [one.step.seen for one in branches])
    for one in branches:
        document = gate_document(
            one.result, target=one.step.target.name, author=authors.get(one.step.seen), at=report.executed_at
        )
        place = folder / f"{file_name_for(one.step.branch.name)}.json"
        place.write_text(json.dumps(stamped("gate", document), indent=2) + "\n", encoding="ascii")
        adopt(place)


def _authors(repository: Repository, commits: list[str]) -> dict[str, str]:
    """Commit -> `name <mail>` of its author."""
    asked = "\n".join(commits).encode("ascii") + b"\n"
    try:
        words = ("log", "--no-walk=unsorted", "--stdin", "-z", "--no-show-signature", "--format=%H %an <%ae>")
        found = retried(lambda: repository.git.run(*words, stdin=asked))
    except GitError:
        return {}
    lines = text(found.stdout).split("\0")
    return dict(line.partition(" ")[::2] for line in lines if line)
