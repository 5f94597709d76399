"""Tools for agents, asked through the SDK's own client; and the commands for agents that only call commands."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
from mcp import Client, StdioServerParameters

from gitalign.agents import tools as tools_module
from gitalign.agents.long_work import LongWork
from gitalign.agents.server import build_server
from gitalign.agents.tools import Tools
from gitalign.cli.lazy_group import verb_named, verbs_of
from gitalign.engine.runtime.signals import StopSignal
from gitalign.errors import UserError
from tests import warm
from tests.git.workspace import Workspace

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
LINES = b"".join(b"line %d\n" % number for number in range(12))


@pytest.fixture
def here(tmp_path: Path) -> Workspace:
    space = Workspace(tmp_path / "repo")
    space.commit("start", {"src/list": LINES, "docs/a.md": b"a\n"})
    for branch, text in (("mine", b"mine"), ("theirs", b"theirs")):
        space.switch(branch, "main")
        space.commit(branch, {"src/list": LINES.replace(b"line 5", text)})
    space.switch("other", "main")
    space.commit("other", {"docs/b.md": b"b\n"})
    space.switch("main")
    space.commit("more", {"docs/a.md": b"a\nb\n"})
    return space


@pytest.fixture
def tools(here: Workspace) -> Iterator[Tools]:
    made = Tools(here.path, may_move=True)
    yield made
    made.work.close()


def asked(server: Any, ask: Callable[[Client], Awaitable[None]]) -> None:
    async def talk() -> None:
        async with Client(server) as client:
            await ask(client)

    asyncio.run(talk())


async def answer(client: Client, tool: str, **arguments: Any) -> Any:
    """An answer, held to the schema of its tool; a document in it, to the published schema as well."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    said = result.structured_content
    assert said is not None
    (schema,) = [one.output_schema or {} for one in (await client.list_tools()).tools if one.name == tool]
    jsonschema.validate(said, schema)
    document = said.get("document", said)
    assert "format" in document or said["state"] == "running"
    if "format" in document:
        published = SCHEMAS / (document["format"].removeprefix("git-align/") + ".schema.json")
        jsonschema.validate(document, json.loads(published.read_text()))
    return said


async def refusal(client: Client, tool: str, **arguments: Any) -> str:
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    (content,) = result.content
    return str(getattr(content, "text", ""))


async def finished(client: Client, first: Mapping[str, Any]) -> Any:
    told = first
    while told["state"] == "running":
        told = await answer(client, "job", handle=told["handle"], wait_seconds=20)
    return told["document"]


def test_an_agent_looks_claims_aligns_and_takes_back(here: Workspace, tools: Tools) -> None:
    before = here.tip("other")

    async def ask(client: Client) -> None:
        listed = {tool.name: tool for tool in (await client.list_tools()).tools}
        reads = {name for name, tool in listed.items() if tool.annotations and tool.annotations.read_only_hint}
        assert reads == {"forecast", "clashes", "who_touches", "path_claims", "report", "tasks", "job"}
        destroys = {name for name, tool in listed.items() if tool.annotations and tool.annotations.destructive_hint}
        assert destroys == {"align", "undo"}
        again = {name for name, tool in listed.items() if tool.annotations and tool.annotations.idempotent_hint}
        assert again == {"align"}
        touched = await answer(client, "who_touches", patterns=["src/"])
        assert [one["branch"] for one in touched["branches"]] == ["mine", "theirs"]
        claimed = await answer(client, "claim_paths", holder="agent 1", patterns=["src/"], minutes=5, note="refactor")
        assert not claimed["refused"]
        held = await answer(client, "claim_paths", holder="agent 2", patterns=["src/list"])
        assert (held["refused"], held["claims"][0]["holder"]) == (True, "agent 1")
        assert (await answer(client, "path_claims"))["claims"] == held["claims"]
        clashes = await finished(client, await answer(client, "clashes", branch="mine"))
        assert [(one["one"], one["other"], one["paths"]) for one in clashes["clashes"]] == [
            ("mine", "theirs", ["src/list"])
        ]
        forecast = await finished(client, await answer(client, "forecast", only=["other"]))
        assert (forecast["format"], [one["branch"] for one in forecast["branches"]]) == (
            "git-align/forecast",
            ["other"],
        )
        report = await finished(client, await answer(client, "align", branch="other"))
        assert report["run"]["moved"] == 1
        assert here.tip("other") != before
        assert (await answer(client, "report"))["run"]["id"] == report["run"]["id"]
        await finished(client, await answer(client, "undo"))
        assert here.tip("other") == before
        assert (await answer(client, "tasks"))["batch_runs"] == []
        assert (await answer(client, "release_paths", holder="agent 1"))["released"] == 1

    asked(build_server(tools), ask)


def test_every_tool_says_what_it_answers_and_all_of_them_fit_into_a_context(tools: Tools) -> None:
    document = {"format": "git-align/path-claims", "version": "1.0", "claims": [], "refused": False, "released": 0}
    claim = {"id": "1", "holder": "me", "patterns": ["src/"], "note": "", "made_at": "", "until": ""}

    async def ask(client: Client) -> None:
        listed = {tool.name: tool.output_schema or {} for tool in (await client.list_tools()).tools}
        assert all(schema.get("type") == "object" for schema in listed.values())
        assert len(json.dumps(listed)) < 50_000
        wrong = [
            ("path_claims", {**document, "claims": [{**claim, "holder": 1}]}),
            ("path_claims", {**document, "format": "git-align/path-touches"}),
            ("align", {"state": "done", "handle": "1", "job": "align"}),
            ("align", {"state": "done", "handle": "1", "job": "align", "document": document}),
            ("job", {"state": "done", "handle": "1", "job": "align", "document": document}),
            ("tasks", document),
        ]
        jsonschema.validate({**document, "claims": [claim]}, listed["path_claims"])
        for tool, answered in wrong:
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.validate(answered, listed[tool])

    asked(build_server(tools), ask)


def test_batch_runs_that_do_not_fit_into_an_answer_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools_module, "MOST_BYTES", 1100)
    assert tools_module._as_many_as_fit([{"id": "a" * 30}] * 9) == [{"id": "a" * 30}] * 2


def test_what_cannot_be_done_says_why_and_what_is_next(here: Workspace, tools: Tools) -> None:
    tools.may_move = False

    async def ask(client: Client) -> None:
        assert "git align mcp --allow-moves" in await refusal(client, "align", branch="other")
        assert "not_permitted" in await refusal(client, "undo")
        assert "unknown_job" in await refusal(client, "job", handle="x")
        assert "no_branch" in await refusal(client, "clashes", branch="nosuch", wait_seconds=50)
        assert "begins with !" in await refusal(client, "who_touches", patterns=["!src"])
        assert "bad_claim" in await refusal(client, "claim_paths", holder="", patterns=["src/"])
        assert "Next:" in await refusal(client, "report", run="nosuch")

    asked(build_server(tools), ask)
    assert warm.run("runs", "--json", cwd=here.path).returncode == 0


def test_an_answer_that_is_too_long_is_refused_not_cut(
    here: Workspace, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools_module, "MOST_BYTES", 500)

    async def ask(client: Client) -> None:
        assert "at most 500 are sent" in await refusal(client, "forecast", wait_seconds=50)

    asked(build_server(tools), ask)


def test_longer_work_goes_on_by_itself_and_can_be_stopped() -> None:
    work, gate = LongWork(), threading.Event()

    def waiting(stop: StopSignal) -> dict[str, Any]:
        while not (gate.is_set() or stop.stop_requested):
            gate.wait(0.01)
        return {"stopped": stop.stop_requested}

    moving = [work.begin("align", waiting, moves=True) for _ in range(2)]
    looking = work.begin("forecast", waiting)
    assert work.answer(moving[0], wait_s=0)["state"] == "running"
    work.stop(looking)
    work.stop(moving[1])
    assert work.answer(moving[1], wait_s=0)["state"] == "stopped"
    assert work.answer(looking, wait_s=5)["document"] == {"stopped": True}
    for _ in range(19):
        work.begin("forecast", waiting)
    with pytest.raises(UserError, match="under way already"):
        work.begin("forecast", waiting)
    gate.set()
    assert work.answer(moving[0], wait_s=5)["document"] == {"stopped": False}
    work.close()


def test_the_server_speaks_on_standard_input_and_output_only_the_protocol(here: Workspace) -> None:
    server = StdioServerParameters(command=sys.executable, args=["-m", "gitalign", "mcp", "--repo", str(here.path)])

    async def ask(client: Client) -> None:
        assert client.server_info is not None
        assert client.server_info.name == "git-align"
        forecast = await finished(client, await answer(client, "forecast"))
        assert {one["branch"] for one in forecast["branches"]} == {"mine", "theirs", "other"}
        assert "not_permitted" in await refusal(client, "align", branch="other")

    asked(server, ask)


def test_a_repository_that_is_none_is_said_before_the_protocol_begins(tmp_path: Path) -> None:
    done = warm.run("mcp", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "") or (done.returncode, done.stdout) == (3, "")
    assert "not" in done.stderr


def test_commands_say_the_same(here: Workspace) -> None:
    def run(*words: str, code: int) -> Any:
        done = warm.run("paths", *words, "--json", cwd=here.path)
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    assert [one["branch"] for one in run("who", "src/", code=1)["branches"]] == ["mine", "theirs"]
    assert run("who", "nosuch/", code=0)["branches"] == []
    assert not run("claim", "src/", "--as", "me", "--minutes", "5", code=0)["refused"]
    assert run("claim", "src/list", "--as", "you", code=1)["refused"]
    assert len(run("claims", code=0)["claims"]) == 1
    shown = warm.run("paths", "who", "src/", cwd=here.path).stdout
    assert "mine (onto main): src/list" in shown
    assert "me claims src/ until" in shown
    assert run("release", "--as", "me", code=0)["released"] == 1
    for words in (("who",), ("claim", "src/"), ("claim", "--as", "me"), ("claim", "..", "--as", "me")):
        assert warm.run("paths", *words, cwd=here.path).returncode == 2, words


def test_the_skill_file_names_commands_and_options_that_there_are() -> None:
    text = (Path(__file__).parents[2] / "skills/git-align/SKILL.md").read_text()
    commands = re.findall(r"`git\s+align\s+([a-z][^`]*)`", text)
    assert len(commands) > 10
    for words in (command.split() for command in commands):
        command: click.Command = verb_named(words[0])
        rest = words[1:]
        while verbs_of(command):
            command = verbs_of(command)[rest.pop(0)]
        known = {name for option in command.params for name in option.opts}
        assert {word for word in rest if word.startswith("--")} <= known, words


def test_the_skill_file_leads_an_agent_from_a_claim_to_an_undo(here: Workspace) -> None:
    """Every command of the file, in its order, with what its words stand for; exit codes as it says."""
    here.switch("mine")
    here.commit("on top", {"own": b"1\n"})
    here.switch("main")
    here.commit("main edits", {"src/list": LINES.replace(b"line 5", b"main")})
    text = (Path(__file__).parents[2] / "skills/git-align/SKILL.md").read_text()
    commands = [" ".join(words.split()) for words in re.findall(r"`git\s+align\s+([a-z][^`]*)`", text)]
    before = here.tip("other")
    branch_of = {"conflicts": "mine", "resolve": "mine"}
    needs_attention = {"forecast", "conflicts", "paths who"}  # others work here, and branches stop
    codes: dict[str, int] = {}
    resolved = b""
    for command in commands:
        filled = command.replace("PATTERN…", "src/").replace("NAME", "agent-1")
        words = shlex.split(filled.replace("BRANCH", branch_of.get(command.split()[0], "other")))
        if words[0] == "forecast":
            words.append("--only=mine")
        if "--continue" in words:
            tree = json.loads(warm.run("resolve", "mine", "--json", cwd=here.path).stdout)["session"]["folder"]
            Path(tree, "src/list").write_bytes(LINES.replace(b"line 5", b"main and mine"))
            here.git("-C", tree, "add", "src/list")
        done = warm.run(*words, cwd=here.path)
        codes[command] = done.returncode
        if "--continue" in words:
            resolved = here.git("show", "mine:src/list").encode() + b"\n"
        verb = " ".join(words[:2]) if words[0] == "paths" else words[0]
        if words[0] == "run":
            assert here.tip("other") != before
        if words[0] not in ("doctor", "resolve"):
            assert done.returncode == (1 if verb in needs_attention else 0), (command, done.stdout, done.stderr)
        elif words[0] == "resolve":
            assert done.returncode in (0, 1, 2), (command, done.stderr)
    assert len(codes) > 10
    assert codes["resolve BRANCH --continue --yes"] == 0
    assert resolved == LINES.replace(b"line 5", b"main and mine")
    assert here.git("show", "mine:src/list").encode() + b"\n" == LINES.replace(b"line 5", b"mine")  # undone at the end
