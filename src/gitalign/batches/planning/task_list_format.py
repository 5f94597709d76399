"""Task lists as they are written (YAML, TOML, JSON), with every key known. The published JSON Schema is made of this."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from gitalign.batches.planning.tasks import (
    DEFAULT_ATTEMPTS,
    DEFAULT_TIMEOUT_S,
    SHELL,
    Exposure,
    Need,
    NeedKind,
    SecretReference,
    Setup,
    Task,
    TaskList,
)

FORMAT: Literal[1] = 1
_STRICT = ConfigDict(extra="forbid", frozen=True, strict=True)
_A_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(s|m|h)")
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_LONGEST_S = 7 * 24 * 3600


def _as_seconds(value: Any) -> Any:
    """`30m` as seconds.

    Raises:
        ValueError: it is not a duration.
    """
    if isinstance(value, str) and (found := _A_DURATION.fullmatch(value)):
        return float(found[1]) * _SECONDS[found[2]]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise ValueError("write seconds, or a number with s, m or h, such as 90s, 30m or 2h")


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _as_need(value: Any) -> Any:
    return {"task": value} if isinstance(value, str | int) and not isinstance(value, bool) else value


def _as_setup(value: Any) -> Any:
    return {"command": value} if isinstance(value, list) else {"shell": value} if isinstance(value, str) else value


def _as_secret(value: Any) -> Any:
    """What stands in place of a source may be the secret itself: it is in no message."""
    return value if isinstance(value, dict) else {}


def _as_verify(value: Any) -> Any:
    return [*SHELL, value] if isinstance(value, str) else value


_ID_SCHEMA = {"anyOf": [{"type": "string", "minLength": 1}, {"type": "integer"}]}
Id = Annotated[str, Field(min_length=1, max_length=2_000), BeforeValidator(_as_text), WithJsonSchema(_ID_SCHEMA)]
Words = Annotated[str, Field(min_length=1, max_length=20_000)]
Argv = Annotated[list[Annotated[str, Field(max_length=100_000)]], Field(min_length=1, max_length=1_000)]
Seconds = Annotated[
    float,
    Field(gt=0, le=_LONGEST_S),
    BeforeValidator(_as_seconds),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "maximum": _LONGEST_S},
                {"type": "string", "pattern": f"^{_A_DURATION.pattern}$"},
            ]
        }
    ),
]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=200)]
Pattern = Annotated[str, Field(min_length=1, max_length=1_000)]


class NeedDocument(BaseModel):
    """A dependency. Written as a plain id, it is hard."""

    model_config = _STRICT
    task: Id
    kind: Literal["hard", "soft"] = "hard"


class SetupDocument(BaseModel):
    """What prepares a work tree. Written as a list or a text, it is the command."""

    model_config = _STRICT
    command: Argv | None = None
    shell: Words | None = None
    files: list[Pattern] = []
    keep: list[Pattern] = []

    @model_validator(mode="after")
    def _has_one_command(self) -> SetupDocument:
        if (self.command is None) == (self.shell is None):
            raise ValueError("give either command or shell")
        return self


class SecretDocument(BaseModel):
    """Where a secret comes from, and whether the task finds it in a file, a variable or both."""

    model_config = _STRICT
    file: Words | None = None
    environment: Variable | None = None
    command: Argv | None = None
    expose: Literal["file", "variable", "both"] = "file"

    @model_validator(mode="after")
    def _has_one_source(self) -> SecretDocument:
        if sum(one is not None for one in (self.file, self.environment, self.command)) != 1:
            raise ValueError("give one of file, environment, command; never the value itself")
        return self


def _or_plain(model: type[BaseModel], *plain: dict[str, Any]) -> dict[str, Any]:
    # Schemas of the parts are small; they are written out where they are used.
    return {"anyOf": [*plain, model.model_json_schema()]}


_PLAIN_COMMANDS: tuple[dict[str, Any], ...] = (
    {"type": "string", "minLength": 1},
    {"type": "array", "minItems": 1, "items": {"type": "string"}},
)
NeedEntry = Annotated[NeedDocument, BeforeValidator(_as_need), WithJsonSchema(_or_plain(NeedDocument, _ID_SCHEMA))]
SetupEntry = Annotated[
    SetupDocument, BeforeValidator(_as_setup), WithJsonSchema(_or_plain(SetupDocument, *_PLAIN_COMMANDS))
]
VerifyEntry = Annotated[Argv, BeforeValidator(_as_verify), WithJsonSchema({"anyOf": list(_PLAIN_COMMANDS)})]


SecretEntry = Annotated[SecretDocument, BeforeValidator(_as_secret)]


class DefaultsDocument(BaseModel):
    """What holds for every task that does not say otherwise."""

    model_config = _STRICT
    timeout: Seconds | None = None
    max_attempts: Annotated[int, Field(ge=1, le=10)] | None = None
    environment: list[Variable] | None = None
    variables: dict[Variable, Annotated[str, BeforeValidator(_as_text)]] | None = None
    secrets: dict[Variable, SecretEntry] | None = None
    setup: SetupEntry | None = None
    verify: VerifyEntry | None = None
    expects_changes: bool | None = None
    commit_leftovers: bool | None = None


class TaskDocument(DefaultsDocument):
    """One task: a command, a line for the shell, or an existing branch."""

    model_config = _STRICT
    id: Id | None = None
    title: Annotated[str, Field(max_length=20_000)] = ""
    command: Argv | None = None
    shell: Words | None = None
    branch: Words | None = None
    needs: list[NeedEntry] = []
    touches: list[Pattern] = []
    priority: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] = 0

    @model_validator(mode="after")
    def _is_one_thing(self) -> TaskDocument:
        given = [name for name in ("command", "shell", "branch") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} cannot be combined: give one of command, shell, branch")
        if self.id is None and self.branch is None:
            raise ValueError("id is missing")
        return self

    def value(self, defaults: DefaultsDocument) -> Task:
        """The task as it is planned."""
        own = self.model_dump(include=set(DefaultsDocument.model_fields), exclude_none=True)
        filled = DefaultsDocument.model_validate({**defaults.model_dump(exclude_none=True), **own})
        argv = tuple(self.command) if self.command is not None else None
        return Task(
            id=self.id or self.branch or "",
            title=self.title,
            argv=(*SHELL, self.shell) if self.shell is not None else argv,
            branch=self.branch,
            needs=tuple(Need(one.task, NeedKind(one.kind)) for one in self.needs),
            touches=tuple(self.touches),
            priority=self.priority,
            timeout_s=filled.timeout or DEFAULT_TIMEOUT_S,
            max_attempts=filled.max_attempts or DEFAULT_ATTEMPTS,
            environment=tuple(filled.environment or ()),
            variables=filled.variables or {},
            secrets=tuple(_secret(name, one) for name, one in (filled.secrets or {}).items()),
            setup=_setup(filled.setup),
            verify=tuple(filled.verify) if filled.verify is not None else None,
            expects_changes=bool(filled.expects_changes),
            commits_leftovers=bool(filled.commit_leftovers),
        )


class TaskListDocument(BaseModel):
    """A list of tasks."""

    model_config = _STRICT
    format: Literal[1] = FORMAT
    target: Words | None = None
    defaults: DefaultsDocument = DefaultsDocument()
    tasks: list[TaskDocument]

    def value(self) -> TaskList:
        """The list as it is planned."""
        return TaskList(tasks=tuple(task.value(self.defaults) for task in self.tasks), target=self.target)


def _secret(name: str, given: SecretDocument) -> SecretReference:
    return SecretReference(
        name=name,
        file=given.file,
        environment=given.environment,
        command=tuple(given.command) if given.command is not None else None,
        expose=Exposure(given.expose),
    )


def _setup(given: SetupDocument | None) -> Setup | None:
    if given is None:
        return None
    argv = (*SHELL, given.shell) if given.shell is not None else tuple(given.command or ())
    return Setup(argv=argv, files=tuple(given.files), keep=tuple(given.keep))


def task_list_schema() -> dict[str, Any]:
    """The JSON Schema of a task list, as kept in `gitalign/schemas/task-list.schema.json`."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **TaskListDocument.model_json_schema()}


def document_of(tasks: TaskList) -> dict[str, Any]:
    """The list as a document that reads back as the same list."""
    return {
        "format": FORMAT,
        **({"target": tasks.target} if tasks.target is not None else {}),
        "tasks": [_task_document(task) for task in tasks.tasks],
    }


def _task_document(task: Task) -> dict[str, Any]:
    return {
        "id": task.id,
        "title": task.title,
        **({"command": list(task.argv)} if task.argv is not None else {}),
        **({"branch": task.branch} if task.branch is not None else {}),
        "needs": [{"task": need.task, "kind": need.kind.value} for need in task.needs],
        "touches": list(task.touches),
        "priority": task.priority,
        "timeout": task.timeout_s,
        "max_attempts": task.max_attempts,
        "environment": list(task.environment),
        "variables": dict(task.variables),
        **({"secrets": {one.name: _secret_document(one) for one in task.secrets}} if task.secrets else {}),
        **({"setup": _setup_document(task.setup)} if task.setup is not None else {}),
        **({"verify": list(task.verify)} if task.verify is not None else {}),
        "expects_changes": task.expects_changes,
        "commit_leftovers": task.commits_leftovers,
    }


def _secret_document(secret: SecretReference) -> dict[str, Any]:
    source = {"file": secret.file, "environment": secret.environment}
    command = {"command": list(secret.command)} if secret.command is not None else {}
    return {**{key: one for key, one in source.items() if one is not None}, **command, "expose": secret.expose.value}


def _setup_document(setup: Setup) -> dict[str, Any]:
    return {"command": list(setup.argv), "files": list(setup.files), "keep": list(setup.keep)}
