"""A command of the operator's, which may be a language model, that is given a conflict as JSON and proposes content."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from typing import Any

from gitalign.core.conflict import AppliedResolution
from gitalign.core.policy import AutoResolver
from gitalign.core.programs import Program
from gitalign.core.proposals import MadeBy, fault_of
from gitalign.ports import ConflictedFile, ProgramCall, ProgramRunner, Proposal, Sides, UnresolvedFile
from gitalign.resolve.answers import content_key
from gitalign.resolve.asked import AskedResolver
from gitalign.resolve.regions import lines_of
from gitalign.resolve.resolver_chain import conflict_id

VERSION = 1
_LARGEST_BYTES = 4 * 1024 * 1024
_MOST_ANSWER_BYTES = 32 * 1024 * 1024  # JSON may spell a byte in six
_LONGEST_WORDS = 300
_MEANING = {
    "ours": "the target, with the commits of the branch that came before on it",
    "theirs": "the commit of the branch that is being replayed",
}
_MEANING_OF_MERGE = {"ours": "the branch", "theirs": "the target that is merged into it"}
_MEANING_OF_INTEGRATION = {"ours": "the target", "theirs": "the branch that is merged into it"}


class ExternalResolver(AskedResolver):
    """Settles conflicts by what a command proposes. Implements `ports.ConflictResolver`; thread-safe.

    Args:
        program: is started once for each conflict.
        runner: runs it.
        object_format: `sha1` or `sha256`.
        recall: what it proposed before, by key; None when it did not.
        keep: remembers what it proposed.
    """

    def __init__(
        self,
        program: Program,
        *,
        runner: ProgramRunner,
        object_format: str,
        recall: Callable[[str], str | None],
        keep: Callable[[str, str], None],
    ) -> None:
        super().__init__(AutoResolver.EXTERNAL, program, runner=runner, object_format=object_format)
        self._recall = recall
        self._keep = keep
        self._lock = threading.Lock()
        self._asked_so_far = 0

    def _asked(self, file: ConflictedFile, sides: Sides) -> Proposal | UnresolvedFile:
        key = f"external {self._program.digest()} {content_key(file)}"
        known = self._recall(key)
        if known is not None:
            answer = self._judged(known.encode(), file, sides)
            if isinstance(answer, Proposal):
                return answer
        with self._lock:
            most = self._program.most_per_run
            if most is not None and self._asked_so_far >= most:
                return UnresolvedFile(reason=f"{self._program.name}: it was asked {most} times in this run already")
            self._asked_so_far += 1
        request = json.dumps(request_document(file, sides)).encode("ascii")
        ended = self._runner.run(
            ProgramCall(
                program=self._program,
                command=self._program.command,
                files={},
                stdin=request,
                most_bytes=_MOST_ANSWER_BYTES,
            )
        )
        if ended.answer is None:
            return UnresolvedFile(reason=f"{self._program.name}: {ended.fault}")
        answer = self._judged(ended.answer, file, sides)
        if isinstance(answer, Proposal):
            self._keep(key, ended.answer.decode())
        return answer

    def _judged(self, answer: bytes, file: ConflictedFile, sides: Sides) -> Proposal | UnresolvedFile:
        try:
            content, by, note = read_answer(answer)
        except Declined as error:
            return UnresolvedFile(reason=f"{self._program.name}: {error}")
        fault = fault_of(
            content,
            sides,
            marker_size=file.marker_size,
            by=MadeBy.EXTERNAL,
        )
        if fault:
            return UnresolvedFile(reason=f"{self._program.name}: {fault}")
        return Proposal(
            content=content,
            resolution=AppliedResolution(
                commit=None,
                path="",
                conflict=conflict_id(file, object_format=self._format),
                recorded_by=by,
                source=f"as {self._program.name} proposed" + (f": {note}" if note else ""),
                resolver=AutoResolver.EXTERNAL.value,
            ),
        )


class Declined(Exception):
    """There is no proposal; why not, in words."""


def _meaning(file: ConflictedFile) -> dict[str, str]:
    if file.commit is not None:
        return _MEANING
    return _MEANING_OF_INTEGRATION if file.is_integration else _MEANING_OF_MERGE


def request_document(file: ConflictedFile, sides: Sides) -> dict[str, Any]:
    """What the command is given (schemas/resolve-request.schema.json)."""
    return {
        "version": VERSION,
        "path": _text(file.path.encode("utf-8", "surrogateescape")),
        "target": file.target,
        "commit": file.commit,
        "subject": file.subject.encode("utf-8", "replace").decode(),
        "meaning": dict(_meaning(file)),
        "base": _text(sides.base),
        "ours": _text(sides.ours),
        "theirs": _text(sides.theirs),
        "marked": _text(file.marked),
        "marker_size": file.marker_size,
        "regions": _regions(file),
    }


def read_answer(answer: bytes) -> tuple[bytes, str, str]:
    """Content, who made it, and a note (schemas/resolve-answer.schema.json).

    Raises:
        Declined
    """
    try:
        # Left to itself, json guesses UTF-16 and UTF-32 as well; what is kept is UTF-8.
        document = json.loads(answer.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise Declined("its answer is no JSON in UTF-8") from error
    if not isinstance(document, dict):
        raise Declined("its answer is no JSON object")
    if "decline" in document:
        raise Declined(f"it declined: {_words(document['decline'])}")
    content = document.get("content")
    if isinstance(content, dict) and set(content) == {"base64"} and isinstance(content["base64"], str):
        try:
            made = base64.b64decode(content["base64"], validate=True)
        except ValueError as error:
            raise Declined("the content of its answer is no base64") from error
    elif isinstance(content, str):
        try:
            made = content.encode("utf-8")
        except UnicodeEncodeError as error:
            raise Declined("the content of its answer is not text") from error
    else:
        raise Declined("its answer has no content")
    if len(made) > _LARGEST_BYTES:
        raise Declined(f"its proposal is longer than {_LARGEST_BYTES} bytes")
    if b"\0" in made:
        raise Declined("its proposal is not text")
    return made, _words(document.get("by", "")), _words(document.get("note", ""))


def _text(content: bytes) -> str | dict[str, str]:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content).decode("ascii")}


def _words(value: object) -> str:
    text = value if isinstance(value, str) else ""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:_LONGEST_WORDS]


def _regions(file: ConflictedFile) -> list[dict[str, int]]:
    """Lines of the markers of each conflict in the marked file, counted from 1."""
    size, found, start = file.marker_size, list[dict[str, int]](), 0
    for number, line in enumerate(lines_of(file.marked), start=1):
        if line.startswith(b"<" * size + b" ") and not start:
            start = number
        elif line.startswith(b">" * size + b" ") and start:
            found.append({"first_line": start, "last_line": number})
            start = 0
    return found
