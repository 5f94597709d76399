"""The client is the whole API: each operation of the OpenAPI description has a method in both clients, with its document."""

from __future__ import annotations

import asyncio
import inspect
import json
import secrets
import subprocess
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from typing_extensions import is_typeddict

from gitalign.client import AsyncClient, Client, Problem
from gitalign.client.calls import EVENTS_OF_JOB, EVENTS_OF_REPOSITORY
from gitalign.client.operation import Operation
from gitalign.documents.formats import FORMATS
from gitalign.documents.models.service import JobDocument
from tests.service.serving import Served

OPENAPI = json.loads(Path("docs/schemas/openapi.json").read_text(encoding="utf-8"))
DESCRIBED = {f"{method.upper()} {path}": what for path, of in OPENAPI["paths"].items() for method, what in of.items()}
TASKS = "target: main\ntasks: [{id: a, shell: 'echo 1 > a', commit_leftovers: true}]\n"
STREAMS = {EVENTS_OF_JOB: "events_of_job", EVENTS_OF_REPOSITORY: "events"}
VARIABLE = {"choice", "form", "how", "more", "what", "which", "changes", "place", "source"}
"""Names of what is given by name, or of a member under another name."""


def methods(kind: type) -> dict[str, tuple[str, Operation[..., Any]]]:
    """Operations of a client by route, with their names."""
    return {one.route: (name, one) for name, one in inspect.getmembers(kind, lambda one: isinstance(one, Operation))}


def result_of(one: Operation[..., Any]) -> Any:
    hints = typing.get_type_hints(one.ask)
    return typing.get_args(hints["return"])[0]


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_every_operation_has_a_method(kind: type) -> None:
    assert {*methods(kind), *STREAMS} == {*DESCRIBED}
    assert all(hasattr(kind, name) for name in STREAMS.values())


def _members(schema: dict[str, Any]) -> set[str]:
    schema = next((one for one in schema.get("anyOf", ()) if "$ref" in one), schema)
    return {*OPENAPI["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["properties"]}


def test_methods_take_what_operations_take() -> None:
    for route, (name, one) in methods(Client).items():
        hints, taken = typing.get_type_hints(one.ask), {*inspect.signature(one.ask).parameters}
        taken |= {
            member
            for kind in hints.values()
            if typing.get_origin(kind) is typing.Unpack
            for member in typing.get_type_hints(typing.get_args(kind)[0])
        }
        described = DESCRIBED[route]
        query = {each["name"] for each in described.get("parameters", ()) if each["in"] in ("query", "path")}
        body = described.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
        wanted = query | (set() if body is None else _members(body))
        renamed = {"format": "form"} if name == "report" else {}
        assert {renamed.get(each, each) for each in wanted} <= taken, (name, wanted - taken)
        assert not body or taken - wanted <= {"self", "key", "only_if_newest", *VARIABLE}


def test_results_are_the_documents_of_the_description() -> None:
    for route, (name, one) in methods(Client).items():
        answers = [said for status, said in DESCRIBED[route]["responses"].items() if status.startswith("2")]
        (content,) = [part for said in answers for part in said.get("content", {}).values()] or [{}]
        title = content.get("schema", {}).get("title", "")
        result = result_of(one)
        assert "Any" not in str(result), name
        if not title.startswith("git-align ") or name == "repositories":
            continue
        document = title.removeprefix("git-align ")
        model = "BatchPlanDocument" if document == "batch-plan" else FORMATS[document].model.partition(":")[2]
        kinds = {each.__name__ for each in typing.get_args(result) or (result,)}
        assert model in kinds or kinds == {"ProjectPlanDocument"}, (name, model, kinds)


@pytest.fixture
def server(serving_batches: Served) -> Served:
    return serving_batches


class Walk:
    """Calls operations by name with both clients, validates their results, and notes which were called.

    The second client repeats a POST with the same key, so that nothing is done twice.
    """

    def __init__(self, server: Served, runner: asyncio.Runner) -> None:
        self.client = Client(server.address, server.token())
        self.awaited, self.runner = AsyncClient(server.address, server.token()), runner
        self.operations = dict(methods(Client).values())
        self.called: set[str] = set()

    def __call__(self, name: str, *args: Any, **more: Any) -> Any:
        result = self.answered(self.both(name, *args, **more), name)
        kind = result_of(self.operations[name])
        TypeAdapter(kind).validate_python(result)
        known = {member for part in _kinds(kind) for member in typing.get_type_hints(part)}
        if isinstance(result, dict):
            assert {*result} - {"format", "version", "release"} <= known, name
        return result

    def both(self, name: str, *args: Any, **more: Any) -> tuple[Callable[[], Any], Callable[[], Any]]:
        """The call by either client."""
        self.called.add(name)
        if self.operations[name].route.startswith("POST "):
            more["key"] = secrets.token_hex(8)

        async def asked() -> Any:
            return await getattr(self.awaited, name)(*args, **more)

        return lambda: getattr(self.client, name)(*args, **more), lambda: self.runner.run(asked())

    def answered(self, calls: tuple[Callable[[], Any], Callable[[], Any]], name: str) -> Any:
        result = calls[0]()
        is_gone = self.operations[name].route.startswith("DELETE ")
        try:
            again = calls[1]()
        except Problem as problem:
            if not is_gone or problem.status != 404:
                raise
            again = None
        assert type(again) is type(result) or is_gone, name
        return result

    def refused(self, code: str, name: str, *args: Any, **more: Any) -> None:
        for call in self.both(name, *args, **more):
            with pytest.raises(Problem) as problem:
                call()
            assert problem.value.code == code, name

    def job(self, name: str, *args: Any, **more: Any) -> JobDocument:
        """Ask for a job, and wait for it."""
        job = self.client.wait(self(name, *args, **more))
        assert (job["state"], job["error"]) == ("done", None), (name, job)
        return job

    def close(self) -> None:
        self.client.close()
        self.runner.run(self.awaited.close())


def _kinds(result: Any) -> Iterator[Any]:
    parts = typing.get_args(result)
    if not parts and is_typeddict(result):
        yield result
    for part in parts:
        yield from _kinds(part)


def _people(walk: Walk) -> None:
    walk("add_user", "ada", role="operator", repositories=["sample"], password="correct horse battery")
    walk("set_password", "ada", "another horse battery")
    (changed,) = walk("change_user", "ada", role="lander")["users"]
    assert (changed["role"], changed["has_password"]) == ("lander", True)
    assert walk("user", "ada") == walk("users") | {"users": [changed]}
    walk("remove_user", "ada")
    assert (walk("users")["users"], len(walk("users", removed=True)["users"])) == ([], 1)
    (token,) = walk("add_token", "ci", role="viewer", days=3, repositories=["sample"])["tokens"]
    assert token["token"]
    assert token["id"] in {one["id"] for one in walk("tokens")["tokens"]}
    walk("revoke_token", token["id"])
    walk.refused("no_ci", "exchange_token", "what an issuer signed")
    assert walk("account")["role"] == "admin"
    walk.refused("needs_a_person", "change_password", "old words of mine", "new words of mine")
    walk.refused("needs_a_person", "add_own_token", "mine", days=3)
    walk.refused("needs_a_person", "end_own_token", token["id"])
    walk.refused("unknown_session", "end_own_session", token["id"])


def _repositories(walk: Walk, folder: str) -> None:
    assert [one["name"] for one in walk("repositories")] == ["far", "sample"]
    assert walk("add_repository", "other", path=folder)["repositories"][0]["path"] == folder
    walk("remove_repository", "other")
    (far,) = walk("set_credential", "far", "basic", "open sesame", username="ada")["repositories"]
    assert far["credential"] == "basic"
    walk("disable_credential", "far")
    walk("enable_credential", "far")
    walk("remove_credential", "far")
    assert walk("repository", "far")["repositories"][0]["credential"] is None
    (made,) = walk("add_schedule", "sample", "forecast", "0 3 * * *", zone="Europe/Berlin")["schedules"]
    assert walk("schedules", "sample")["schedules"] == [made]
    (off,) = walk("disable_schedule", "sample", made["id"])["schedules"]
    assert off["disabled_at"]
    (on,) = walk("enable_schedule", "sample", made["id"])["schedules"]
    assert on == made
    walk("remove_schedule", "sample", made["id"])
    (hook,) = walk("add_webhook", "sample", "https://ci.example.org/x", kinds=["run"])["webhooks"]
    assert walk("webhooks", "sample")["webhooks"] == [{**hook, "secret": None}]
    assert walk("deliveries", "sample", hook["id"])["deliveries"] == []
    walk("remove_webhook", "sample", hook["id"])


def _questions(walk: Walk) -> None:
    for verb, more, newest in (
        ("forecast", {"pairs": True}, "newest_forecast"),
        ("conflicts", {"only": ["clash"]}, "newest_conflicts"),
        ("doctor", {}, "newest_doctor"),
        ("categorize", {"format": "detailed"}, "newest_categories"),
        ("order", {}, "newest_order"),
        ("settings", {}, "newest_settings"),
        ("touches", {"patterns": ["list"]}, "newest_touches"),
        ("resolving", {}, "newest_resolving"),
        ("resolutions", {}, "newest_resolutions"),
        ("batch_list", {}, "newest_batch_list"),
        ("claims", {}, "newest_claims"),
    ):
        walk.job(verb, "sample", **more)
        walk(newest, "sample")
    for verb, place in (("protections", "sample"), ("fetch", "sample")):
        walk(verb, place)
    walk.refused("not_known_yet", "newest_protections", "far")
    assert walk("clash_map", "sample")["is_complete"]
    walk.job("claim", "sample", ["list"], holder="ada", minutes=5)
    walk.job("release", "sample", holder="ada")
    walk("analysis", "sample")
    assert walk("conflicting_files", "sample")["conflicts"]


def _runs(walk: Walk) -> None:
    planned = walk.job("plan", "sample")
    plan = walk("plan_of", "sample", planned["plan_id"])
    assert plan["id"] == walk("list_plans", "sample")["jobs"][0]["plan_id"]
    ran = walk.job("run", "sample", plan["id"], only_if_newest=True)["run_id"]
    assert walk("show", "sample", ran)["run"]["id"] == ran
    assert walk("list_runs", "sample", limit=1)["jobs"][0]["run_id"] == ran
    assert walk("branch", "sample", "feature/<b>two")["branches"][0]["verdict"] == "aligned"
    assert len(walk("list_branches", "sample", limit=2)["branches"]) == 2
    walk.job("verify", "sample", ran)
    walk("certificates", "sample", ran)
    page = walk.job("report", "sample", ran, form="html")
    assert walk("text", page).startswith("<!doctype html>")
    walk.job("story", "sample", ran, "clean")
    assert walk("resolution_guidance", "sample")["run_id"] == ran
    walk.job("restore", "sample", "clean", run_id=ran)
    walk("resume", "sample", ran)
    walk.job("undo", "sample", ran)
    walk("push", "sample", dry_run=True)
    walk.job("prune", "sample", dry_run=True)
    walk.job("prune_merged", "sample", squashed=True, dry_run=True)
    walk.job("resolve", "sample", "clash")
    walk.job("resolve", "sample", "clash", action="abort")
    walk.job("learn_resolutions", "sample", again=True)
    walk.job("export_resolutions", "sample")
    for name in ("resolution", "forget_resolution"):
        walk(name, "sample", "abcdef")
    walk("import_resolutions", "sample", ref="refs/heads/main")


def _batches(walk: Walk) -> None:
    plan_id = walk.job("batch_plan", "sample", TASKS)["plan_id"]
    assert walk("batch_plan_of", "sample", plan_id)["batches"][0]["task_ids"] == ["a"]
    batch = walk.job("batch_run", "sample", plan_id)["run_id"]
    assert walk("list_batches", "sample")["jobs"][0]["run_id"] == batch
    assert walk("list_batch_plans", "sample")["jobs"][0]["plan_id"] == plan_id
    assert walk("batch", "sample", batch)["status"] == "completed"
    assert walk("batch_log", "sample", batch, "a")["is_over"]
    assert walk("batch_events", "sample", batch, limit=1)["next"]
    for verb in ("batch_pause", "batch_stop", "batch_cancel"):
        walk.refused("batch_not_running", verb, "sample", batch)
    walk.job("batch_report", "sample", batch)
    walk.job("batch_undo", "sample", batch)
    walk.job("batch_land", "sample", batch)
    for verb in ("batch_resume", "batch_retry"):
        assert walk.client.wait(walk(verb, "sample", batch))["state"] != "running"


def _projects(walk: Walk) -> None:
    plan = walk("build_project_plan", "sample", text=TASKS)
    assert walk("project_plan", "sample") == plan
    walk("patch_project_plan", "sample", worktree_assignments={"a": "one"})
    assert walk("project_plan_summary", "sample")["total_tasks"] == 1
    assert walk("project_dependencies", "sample")["task_order"] == ["a"]
    assert walk("project_critical_path", "sample")["length"] == 1
    job = walk("project_start", "sample")["job"]
    assert walk.client.wait(job)["outcome"] == "ok"
    assert walk("project_status", "sample")["execution_mode"] == "parallel_completed"
    assert walk("project_batches", "sample")["batches"] == [walk("project_batch", "sample", 1)["batch"]]
    for verb in ("project_stop", "project_pause", "project_cancel", "project_resume"):
        walk.refused("batch_not_running", verb, "sample")
    tree = walk("create_project_work_tree", "sample", 1, epic_name="x")
    assert walk("project_work_trees", "sample") == [walk("project_work_tree", "sample", 1)] == [tree]
    assert walk("project_work_tree_conflicts", "sample", 1) == []
    assert walk("sync_project_work_tree", "sample", 1)["strategy"] == "merge"
    walk.refused("usage", "resolve_project_work_tree", "sample", 1)
    assert walk("merge_project_work_tree", "sample", 1)["commit_sha"] is None
    assert walk("remove_project_work_tree", "sample", 1)["message"]


def _service(walk: Walk) -> None:
    newest = walk("list_jobs", limit=1)["jobs"][0]
    assert walk("list_jobs_of", newest["repository"], kind=[newest["kind"]], limit=1)["jobs"] == [newest]
    assert walk("job", newest)["id"] == newest["id"]
    walk.refused("job_is_over", "stop", newest)
    assert walk("audit", action="token", limit=1)["entries"]
    assert walk("check_audit")["is_sound"]
    assert (walk("health")["status"], walk("ready")["status"]) == ("ok", "ok")
    assert "# TYPE " in walk("metrics")


def test_every_operation_is_called_and_answers_its_document(server: Served, tmp_path: Path) -> None:
    server.service.repositories.add_address("far", "https://git.example.org/far", actor="test", folder=tmp_path / "far")
    subprocess.run(["git", "init", "-q", str(tmp_path / "other")], check=True)
    with asyncio.Runner() as runner:
        walk = Walk(server, runner)
        _people(walk)
        _repositories(walk, str(tmp_path / "other"))
        _questions(walk)
        _runs(walk)
        _batches(walk)
        _projects(walk)
        _service(walk)
        walk.close()
    assert walk.called == {*walk.operations}
