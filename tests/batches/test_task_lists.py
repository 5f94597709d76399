"""Task lists from YAML, TOML, JSON and spec-kit: one list whatever the format, and every fault with its place."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from gitalign.batches.planning.read_tasks import read_checklist, read_task_list, task_list_of, with_command
from gitalign.batches.planning.task_list_format import document_of, task_list_schema
from gitalign.batches.planning.tasks import Need, NeedKind, Setup, Task, TaskListError

SCHEMAS = Path(__file__).resolve().parents[2] / "src" / "gitalign" / "schemas"
YAML = """
target: main
defaults: {timeout: 10m, commit_leftovers: true, environment: [LANG], setup: {shell: npm ci, files: [package-lock.json], keep: [node_modules/]}}
tasks:
  - id: api
    title: The API
    command: [make, api]
    touches: [src/api/]
  - id: 7
    shell: make ui && make style
    needs: [api, {task: docs, kind: soft}]
    priority: -1
    max_attempts: 3
    variables: {LEVEL: 3}
    verify: make test-ui
    expects_changes: true
  - id: docs
    branch: topic/docs
    setup: [make, nothing]
    commit_leftovers: false
"""
TOML = """
target = "main"
[defaults]
timeout = 600
commit_leftovers = true
environment = ["LANG"]
setup = {shell = "npm ci", files = ["package-lock.json"], keep = ["node_modules/"]}
[[tasks]]
id = "api"
title = "The API"
command = ["make", "api"]
touches = ["src/api/"]
[[tasks]]
id = 7
shell = "make ui && make style"
needs = ["api", {task = "docs", kind = "soft"}]
priority = -1
max_attempts = 3
variables = {LEVEL = "3"}
verify = ["/bin/sh", "-c", "make test-ui"]
expects_changes = true
[[tasks]]
id = "docs"
branch = "topic/docs"
setup = ["make", "nothing"]
commit_leftovers = false
"""


def test_one_list_in_three_formats() -> None:
    from_yaml = read_task_list(YAML, name="tasks.yaml")
    npm = Setup(argv=("/bin/sh", "-c", "npm ci"), files=("package-lock.json",), keep=("node_modules/",))
    common = {"timeout_s": 600.0, "environment": ("LANG",)}
    committed = {"commits_leftovers": True, **common}
    assert from_yaml.target == "main"
    assert from_yaml.tasks == (
        Task(id="api", title="The API", argv=("make", "api"), touches=("src/api/",), setup=npm, **committed),  # type: ignore[arg-type]
        Task(
            id="7",
            argv=("/bin/sh", "-c", "make ui && make style"),
            needs=(Need("api"), Need("docs", NeedKind.SOFT)),
            priority=-1,
            max_attempts=3,
            variables={"LEVEL": "3"},
            setup=npm,
            verify=("/bin/sh", "-c", "make test-ui"),
            expects_changes=True,
            **committed,  # type: ignore[arg-type]
        ),
        Task(
            id="docs",
            branch="topic/docs",
            setup=Setup(argv=("make", "nothing")),
            commits_leftovers=False,
            **common,  # type: ignore[arg-type]
        ),
    )
    assert read_task_list(TOML, name="tasks.toml") == from_yaml
    text = json.dumps(document_of(from_yaml))
    assert read_task_list(text, name="tasks.json") == from_yaml


def test_the_published_schema_is_that_of_the_format() -> None:
    schema = json.loads((SCHEMAS / "task-list.schema.json").read_text())
    assert schema == task_list_schema(), "docs/batches.md says how it is written"
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document_of(read_task_list(YAML, name="x.yaml")), schema)
    plain = {"tasks": [{"id": 1, "shell": "x", "timeout": "30m", "needs": [2], "setup": "y", "verify": ["z"]}]}
    jsonschema.validate(plain, schema)
    for wrong in ({"tasks": [{"id": "a", "tuches": []}]}, {"tasks": [{"id": "a", "timeout": "soon"}]}, {}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)
        with pytest.raises(TaskListError):
            task_list_of(wrong, name="x")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tasks: [{id: a, shell: x, tuches: [y]}]", "x.yaml: unknown key tasks[a].tuches; did you mean touches?"),
        ("task: []", "x.yaml: unknown key task; did you mean tasks?"),
        ("tasks: [{id: a, needs: [{tusk: b}]}]", "unknown key tasks[a].needs[0].tusk; did you mean task?"),
        ("tasks: [{id: a, needs: [{task: b, kind: hart}]}]", "tasks[a].needs[0].kind is 'hart'"),
        ("tasks: [{id: a, needs: [{task: b, kind: hart}]}]", "did you mean hard?"),
        ("tasks: [{id: a, shell: x, command: [y]}]", "command and shell cannot be combined"),
        ("tasks: [{title: a}]", "tasks[0]: id is missing"),
        ("tasks: [{id: a, timeout: -3}]", "tasks[a].timeout"),
        ("tasks: [{id: a, max_attempts: 99}]", "tasks[a].max_attempts"),
        ("tasks: [{id: a, environment: [A=b]}]", "tasks[a].environment[0]"),
        ("tasks: [{id: a, setup: {files: [x]}}]", "give either command or shell"),
        ("tasks: [{id: a, setup: {shell: x, files: [y, '!*.lock']}}]", "setup.files[1]: '!*.lock' begins with !"),
        ("tasks: [{id: a, setup: {shell: x, files: ['a/../*.lock']}}]", "holds .."),
        ("tasks: [{id: a, priority: true}]", "tasks[a].priority"),
        ("tasks: [{id: a}, {id: a}]", "the id a is used 2 times"),
        ("tasks: [{id: a, needs: [bb]}, {id: b}]", "there is no task bb; did you mean b?"),
        ("tasks: [{id: a, id: b}]", "the key 'id' stands twice"),
        ("[", "is not valid YAML"),
        ("- a", "must hold the key tasks"),
        ("format: 2\ntasks: []", "format is '2'"),
    ],
)
def test_faults_name_place_and_nearest_name(text: str, words: str) -> None:
    with pytest.raises(TaskListError) as error:
        read_task_list(text, name="x.yaml")
    assert words in error.value.message


def test_every_fault_is_reported_at_once() -> None:
    with pytest.raises(TaskListError) as error:
        read_task_list("tasks: [{id: a, x: 1}, {id: b, y: 1}]", name="x.yaml")
    assert len(error.value.faults) == 2


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ('{"tasks": [], "tasks": []}', "x.json", "the key 'tasks' is used twice"),
        ("x = ", "x.toml", "is not valid TOML"),
    ],
)
def test_faults_of_other_formats(text: str, name: str, words: str) -> None:
    with pytest.raises(TaskListError, match=words):
        read_task_list(text, name=name)


CHECKLIST = """# Tasks: photo albums

## Phase 1: Setup
- [x] T001 Create project structure
- [ ] T002 Initialize the project in pyproject.toml
- [ ] T003 [P] Configure linting

## Phase 2: Models
- [ ] T010 [P] [US1] Create the user model in src/models/user.py
- [ ] **T011** [P] [US1] Create the album model in src/models/album.py
- [ ] T012 [US1] Service in src/services/album.py (depends on T010, T011)
- [ ] T013 [P] Tests in tests/unit/
"""


def test_a_checklist_of_spec_kit() -> None:
    tasks = read_checklist(CHECKLIST, name="tasks.md")
    needs = {task.id: {need.task: need.kind.value for need in task.needs} for task in tasks.tasks}
    assert needs == {
        "T002": {},
        "T003": {"T002": "soft"},
        "T010": {"T003": "soft"},
        "T011": {"T003": "soft"},
        "T012": {"T010": "hard", "T011": "hard"},
        "T013": {"T012": "soft"},
    }
    touches = {task.id: task.touches for task in tasks.tasks}
    assert touches["T002"] == ("/pyproject.toml",)
    assert touches["T010"] == ("/src/models/user.py",)
    assert touches["T013"] == ("/tests/unit/",)
    assert tasks.tasks[2].title == "Create the user model in src/models/user.py"
    assert all(task.argv is None for task in tasks.tasks)


def test_a_title_is_one_argument_whatever_it_holds() -> None:
    tasks = read_checklist("- [ ] T001 say $(touch x) {id} `y` 'z'\n", name="tasks.md")
    (task,) = with_command(tasks, ["agent", "--task={id}", "{title}"]).tasks
    assert task.argv == ("agent", "--task=T001", "say $(touch x) {id} `y` 'z'")
    assert with_command(with_command(tasks, ["a"]), ["b"]).tasks[0].argv == ("a",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- [ ] Do something\n", "line 1: an item is"),
        ("- [?] T001 What\n", "line 1: an item is"),
        ("nothing\n", "holds no item"),
        ("- [ ] T001 A (depends on T002)\n", "there is no task T002"),
        ("- [ ] T001 A\n- [ ] T001 B\n", "the id T001 is used 2 times"),
    ],
)
def test_faults_of_a_checklist(text: str, words: str) -> None:
    with pytest.raises(TaskListError, match=words.replace("(", r"\(")):
        read_checklist(text, name="tasks.md")


def test_a_dependency_on_an_item_that_is_done_holds() -> None:
    (task,) = read_checklist("- [x] T001 A\n- [ ] T002 B (depends on T001)\n", name="tasks.md").tasks
    assert task.needs == ()
