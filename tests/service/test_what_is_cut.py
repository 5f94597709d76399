"""What is too long for a page, a list or a report says so, and says where the rest is."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import gitalign
from gitalign.core.accounts import Role
from gitalign.core.jobs import JobKind, JobState, NewJob
from gitalign.core.webhooks import DeliveryState
from gitalign.documents.formats import json_text
from gitalign.documents.reading import time_text
from gitalign.service.administration import new_token
from gitalign.service.application import create_app
from gitalign.service.pages import batch_page, branch_page, clash_page, plan_page, start_page
from gitalign.store.service import schema
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.held_jobs import HeldJobs
from gitalign.store.service.jobs import Jobs
from tests.documents.strict import validate
from tests.service.asking import REPOSITORY
from tests.service.many import BATCH_ID, RUN_ID, fill, left
from tests.views.many import AS_OF, outlook_of

SOURCE = Path(gitalign.__file__).parent
TEMPLATES = SOURCE / "service/pages/templates"
_SHOP = "/repositories/shop"
_TEXTS = re.compile(
    r"oid|clean|broken|commit|upstream|digest|hexdigest\(\)|number|why|error|what|word|(plan|job|schedule)_id|project"
    r"|detail|code|str\(error\)|answered\['error'\]|request\.query_params\.get\(.*\)|f'.*'|texts|before"
)
"""What is shortened in the code with a number: text and ids, whose end does not matter."""
_OTHERWISE = {
    "live.py: finished[-_MOST_BARS:]",  # its title counts what is drawn, of how many
    "wall_page.py: limit=MOST_EVENTS",  # the newest event alone says how far a run is
}


def test_templates_cut_lists_with_the_macros_that_say_so() -> None:
    for template in TEMPLATES.glob("*.html"):
        text = template.read_text(encoding="utf-8")
        if template.name == "parts.html":
            macros = [one for one in text.split("{% macro ") if "[:" in one]
            assert macros
            assert all(re.search(r"\bmore\b", one.partition("}")[2]) for one in macros), "a macro cuts silently"
            continue
        assert not re.findall(r"\[[^\]'\"]*:[^\]'\"]*\]", text), f"{template.name}: use `some`, `plain` or `text`"
        for rows, most in re.findall(r"([\w.]+)\|first_of\((\w+)\)", text):
            assert f"more({rows}|length - {most}" in text, f"{template.name}: say how many rows of {rows} are left out"


def _cut_by(tree: ast.AST) -> Iterator[tuple[ast.expr, str, str]]:
    """Bounds of slices and of queries: the bound, what is cut, and all of it as source."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
            for bound in (node.slice.upper, node.slice.lower):
                if bound is not None:
                    yield bound, ast.unparse(node.value), ast.unparse(node)
        elif isinstance(node, ast.keyword) and node.arg == "limit":
            yield node.value, "", ast.unparse(node)


@pytest.mark.parametrize("room", ["service", "views"])
def test_code_that_cuts_a_list_also_counts_what_it_leaves_out(room: str) -> None:
    """A bound that is used once cuts and does not count. `limit=N + 1` sees whether there is more."""
    silent = []
    for path in sorted((SOURCE / room).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        loads = Counter(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
        compared = {ast.unparse(node.right) for node in ast.walk(tree) if isinstance(node, ast.BinOp)}
        for bound, value, source in _cut_by(tree):
            plain = bound.operand if isinstance(bound, ast.UnaryOp) else bound
            if isinstance(plain, ast.Constant) and isinstance(plain.value, int) and plain.value > 1:
                is_counted = str(plain.value) in compared or _TEXTS.fullmatch(value.rpartition(".")[2] or value)
                if not (is_counted or _TEXTS.fullmatch(value)):
                    silent.append(f"{path.name}: {source}")
            elif isinstance(plain, ast.Name) and plain.id.isupper() and "LONGEST" not in plain.id:
                # Where it is set, where it cuts, and where it counts.
                silent += [f"{path.name}: {source}"] if loads[plain.id] < 3 else []
    silent = [one for one in silent if one not in _OTHERWISE]
    assert not silent, "\n".join(silent)


@pytest.fixture(scope="module")
def shop(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, dict[str, str]]]:
    """A repository with more of everything than its pages show."""
    file = tmp_path_factory.mktemp("cut") / "service.db"
    file.write_bytes(empty_database.read_bytes())
    app = create_app({"database": {"file": file}, "work": {"workers": 0}})
    with TestClient(app, base_url="http://localhost") as client:
        database = app.state.service.database
        app.state.service.repositories.add("shop", "/nowhere", actor="test")
        ids = fill(database, "shop", 8)
        client.headers["Authorization"] = f"Bearer {new_token(database, 'ada', role=Role.ADMIN, days=1)[1]}"
        yield client, ids


def changed(client: TestClient, ids: dict[str, str], name: str, change: Callable[[Any], None]) -> str:
    """A newer job of the same kind whose document is longer; its id."""
    database = client.app.state.service.database  # type: ignore[attr-defined]
    jobs = Jobs(database)
    job, document = jobs.get(ids[name]), jobs.document(ids[name])
    assert document is not None
    content = json.loads(document.body)
    change(content)
    noted = {key: value for key in ("run_id", "plan_id") if (value := getattr(job, key))}
    return left(database, "shop", job.kind, json_text(content), params=job.params, noted=noted)


def many_times(rows: list[Any], count: int) -> None:
    rows[:] = (rows * count)[:count]


def test_pages_say_what_they_leave_out_of_a_document(shop: tuple[TestClient, dict[str, str]]) -> None:
    client, ids = shop
    clash = outlook_of(8).forecast.clashes[0]

    def longer_forecast(content: Any) -> None:
        pair = next(one for one in content["clashes"] if (one["one"], one["other"]) == (clash.one, clash.other))
        pair["paths"] = [f"{number}.txt" for number in range(103)]
        many_times(pair["one_commits"], 34)

    forecast = changed(client, ids, "forecast", longer_forecast)
    page = client.get(f"{_SHOP}/clashes/pair", params={"one": clash.one, "other": clash.other}).text
    assert page.count(f'href="/api/v1/jobs/{forecast}/document"') == 2
    assert "and 3 more" in page
    assert "and 4 more" in page

    def longer_detail(content: Any) -> None:
        stopped = next(one for one in content["branches"] if one["branch"] == content["detail"]["branch"])
        many_times(stopped["conflict"]["conflicts"], 45)
        many_times(content["detail"]["files"], 26)
        many_times(content["detail"]["branch_commits"], 37)

    detailed = changed(client, ids, "conflict", longer_detail)
    branch = client.app.state.service.jobs.get(ids["conflict"]).params["branch"]  # type: ignore[attr-defined]
    page = client.get(f"{_SHOP}/conflicts/{branch.replace('*', '%2A')}").text
    assert f'and 5 more: <a href="/api/v1/jobs/{detailed}/document"' in page
    assert f'and 6 more: <a href="/api/v1/jobs/{detailed}/document"' in page
    assert "and 9 more" in page, "seven that the page leaves out, and two that the document does"

    def longer_groups(content: Any) -> None:
        cause = {"commit": "c" * 40, "subject": "s", "author": "a", "email": "e"}
        content["groups"][0]["causes"] = [cause] * 5
        many_times(content["shared"], 6)
        content["shared_left_out"] = 7

    changed(client, ids, "conflicts", longer_groups)
    page = client.get(f"{_SHOP}/conflicts").text
    assert "and 3 more" in page
    assert "and 8 more" in page

    changed(client, ids, "resolutions", lambda content: many_times(content["faults"], 22))
    assert "and 2 more" in client.get(f"{_SHOP}/resolutions").text

    story = {
        "format": "git-align/branch-story",
        "summary": {"commits": [{"old": "a" * 40, "new": None, "subject": f"{at}", "patch": ""} for at in range(104)]},
        "range_diff": [f"line {number}" for number in range(405)],
    }
    report = client.get(f"/api/v1/jobs/{ids['run']}/document").json()
    moved = next(row["branch"] for row in report["branches"] if row["outcome"].get("before"))
    told = left(
        client.app.state.service.database,  # type: ignore[attr-defined]
        "shop",
        JobKind.STORY,
        json_text(story),
        params={"branch": moved},
        noted={"run_id": RUN_ID},
    )
    page = client.get(f"{_SHOP}/branches/{moved.replace('*', '%2A')}").text
    assert f'and 4 more: <a href="/api/v1/jobs/{told}/document"' in page
    assert f'and 5 more lines: <a href="/api/v1/jobs/{told}/document"' in page


def test_the_page_of_a_batch_shows_its_newest_events(shop: tuple[TestClient, dict[str, str]]) -> None:
    client, ids = shop

    def longer(content: Any) -> None:
        many_times(content["running_conflicts"], 57)

    def said(kind: str, **data: Any) -> tuple[str, str]:
        return kind, json_text({"at": time_text(AS_OF), "kind": kind, "data": data})

    job = client.app.state.service.jobs.get(ids["batch"])  # type: ignore[attr-defined]
    content = client.get(f"/api/v1/jobs/{job.id}/document").json()
    longer(content)
    events = [said("task_completed", title=f"event number {number}") for number in range(155)]
    left(
        client.app.state.service.database,  # type: ignore[attr-defined]
        "shop",
        job.kind,
        json_text(content),
        noted={"run_id": BATCH_ID},
        events=[said("task_snapshot", task_id="task-1"), *events],
    )
    page = client.get(f"{_SHOP}/batches/{BATCH_ID}").text
    assert "and 7 more" in page
    assert page.count("<details><summary>Hunks") == 50
    for shown in (page, client.get(f"{_SHOP}/batches/{BATCH_ID}/tasks/task-1").text):
        assert "<pre>&lt;b&gt;one</pre>" in shown
        assert "at line 3" in shown
    assert "event number 154" in page, "the newest"
    assert "event number 4<" not in page
    assert f'These are the newest 150: <a href="/api/v1{_SHOP}/batches/{BATCH_ID}/events"' in page
    assert '<td role="cell" data-label="Snapshots" class="number">2</td>' in page, "counted beyond the events it shows"


def test_lists_of_jobs_lead_to_the_rest(
    shop: tuple[TestClient, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, bound, most in ((start_page, "_SHOWN", 4), (start_page, "_OVER", 2), (plan_page, "_PLANS", 3),
                                (batch_page, "_RUNS", 3), (branch_page, "_RUNS", 2), (clash_page, "_PAIRS", 2)):  # fmt: skip
        monkeypatch.setattr(module, bound, most)
    client, _ = shop
    database: ServiceDatabase = client.app.state.service.database  # type: ignore[attr-defined]
    report = client.get(f"/api/v1/jobs/{shop[1]['run']}/document").json()
    branch, plan = report["branches"][0]["branch"], client.get(f"/api/v1/jobs/{shop[1]['plan']}/document").text
    for _ in range(3):
        left(database, "shop", JobKind.RUN, json_text({**report, "branches": []}), noted={"run_id": "r"})
    for at in range(3):
        left(database, "shop", JobKind.PLAN, plan, noted={"plan_id": f"{at:064x}"})
        left(database, "shop", JobKind.BATCH_RUN, json_text({}), noted={"run_id": f"run-{at}"})
    for number in range(9):
        new = NewJob(repository="shop", kind=JobKind.FORECAST, created_by="ada", params={})
        Jobs(database).add(new, job_id=f"{number + 2**100:032x}", most_open=1_000)
    held = HeldJobs(database, lease_s=60)
    for _ in range(3):
        mine = held.claim("test")
        assert mine is not None
        held.finish(mine, JobState.FAILED, outcome="x")
    for _ in range(3):
        assert held.claim("test") is not None

    now = client.get("/").text
    under_way, failed = re.findall(r'href="(/jobs\?[^"]*)"', now)
    shown = client.get(under_way.replace("&amp;", "&")).text
    assert (shown.count('class="state queued"'), shown.count('class="state failed"')) == (3, 0)
    rest = re.search(r'href="(\?[^"]*)" rel="next"', shown)
    assert rest is not None
    assert client.get("/jobs" + rest[1].replace("&amp;", "&")).text.count('class="state running"') == 2
    assert client.get(failed.replace("&amp;", "&")).text.count('class="state failed"') == 3
    assert "and 1 more jobs under way" in client.get("/wall").text
    assert f'href="{_SHOP}/jobs">Older jobs' in client.get(_SHOP).text
    for address in (f"{_SHOP}/plans", f"{_SHOP}/batches"):
        older = re.search(r'href="(\?cursor=\d+)" rel="next"', client.get(address).text)
        assert older is not None, address
        assert 'rel="next"' not in client.get(address + older[1]).text

    address = f"{_SHOP}/branches/{branch.replace('*', '%2A')}"
    page = client.get(address).text
    assert "None of these runs had this branch." in page
    older = re.search(r'href="(\?before=\d+)" rel="next">Earlier runs', page)
    assert older is not None
    page = client.get(address + older[1]).text
    assert 'class="timeline"' in page
    assert "Newest runs" in page
    assert "Earlier runs" not in page
    clashes = client.get(f"{_SHOP}/clashes").text
    assert "No forecast has looked" not in clashes, "the newest forecast with pairs is found, however many came since"


def test_deliveries_of_a_webhook_have_a_cursor(database: ServiceDatabase, database_file: Path) -> None:
    app = create_app({"database": {"file": database_file}, "work": {"workers": 0}})
    with TestClient(app, base_url="http://localhost") as client:
        client.headers["Authorization"] = f"Bearer {new_token(database, 'ada', role=Role.ADMIN, days=1)[1]}"
        at = {"created_at": 1, "created_by": "ada"}
        with database.writing() as connection:
            hook = {"id": "h", "repository": 1, "url": "http://x", "secret": "", "kinds": "[]", "seq": 0, **at}
            connection.execute(schema.webhooks.insert().values(**hook))
            for number in range(5):
                row = {"id": f"m{number}", "webhook": 1, "kind": "job.done", "body": "", "created_at": 1, "next_at": 1}
                connection.execute(schema.deliveries.insert().values(**row, state=DeliveryState.DELIVERED.value))
        address = f"/api/v1/repositories/{REPOSITORY}/webhooks/h/deliveries"
        seen, cursor, pages = [], None, 0
        while pages < 9:
            query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
            answer = client.get(address, params=query).json()
            assert validate(answer) == "webhook-deliveries"
            seen += [one["id"] for one in answer["deliveries"]]
            cursor, pages = answer["next"], pages + 1
            if cursor is None:
                break
        assert (seen, pages) == ([f"m{number}" for number in (4, 3, 2, 1, 0)], 3)
