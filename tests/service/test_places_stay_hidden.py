"""A repository under a planted path: no viewer, no lander and no one without a token sees that path in any answer."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from gitalign.core.accounts import Role
from gitalign.core.machine_paths import MachinePaths, machine_paths
from gitalign.service.administration import new_token, sign_in_link
from gitalign.service.application import create_app
from gitalign.service.credentials import KEYS_VARIABLE, Sealer, new_key
from gitalign.service.machine_places import places_of_repository
from gitalign.service.shown_places import PAGES
from gitalign.service.working.webhook_delivery import Deliveries, WebhookPolicy
from gitalign.store.service.database import open_service_database
from gitalign.store.service.repositories import Repositories
from gitalign.store.service.webhooks import Webhooks
from tests.service.serving import Served, served
from tests.service.test_api import routes

PLANTED = "pLaNtEd"
PLACE = f"{PLANTED} é'&<x>"
BASE = "/api/v1/repositories/sample"
TASKS = 'target: main\ntasks: [{id: a, shell: "pwd; echo $HOME; echo a > a", commit_leftovers: true}]\n'
QUESTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("fetches", {}),
    ("plans", {}),
    ("forecasts", {"pairs": True}),
    ("conflicts", {}),
    ("doctor", {}),
    ("categories", {}),
    ("order", {}),
    ("protections", {}),
    ("settings", {}),
    ("paths/touches", {"patterns": ["list"]}),
    ("paths/claims", {"patterns": ["src/"]}),
    ("paths/claims/refresh", {}),
    ("resolutions", {}),
    ("resolutions/export", {}),
    ("resolutions/import", {"ref": "refs/heads/main"}),
    ("resolve", {"branch": "clash", "action": "look"}),
    ("resolving", {}),
    ("prune", {"dry_run": True}),
    ("prune-merged", {"dry_run": True}),
    ("restore", {"branch": "clean", "dry_run": True}),
    ("pushes", {"dry_run": True}),
    ("batch-lists", {}),
)


@pytest.fixture(scope="module")
def server(sample: Path, empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Every kind of job was carried out, well and badly, for a repository with a linked work tree, beside one that is gone."""
    root = tmp_path_factory.mktemp("hidden") / PLACE
    repository = Path(shutil.copytree(sample, root / "repo"))
    tree = root / "trees" / "linked"
    subprocess.run(["git", "worktree", "add", "-q", str(tree), "clean"], cwd=repository, check=True)
    (tree / "not-committed").write_text("x")
    (repository / ".git/gitalign").mkdir(exist_ok=True)
    (repository / ".git/gitalign/config.yaml").write_text("batch: {confinement: none}\n")
    linked = root / "link"
    linked.symlink_to(repository)
    file = Path(shutil.copyfile(empty_database, root / "service.db"))
    settings = {
        "database": {"file": file},
        "batches": {"allowed": True, "confinement": "none"},
        "limits": {"stream_seconds": 1, "requests_per_minute": 1_000_000},
        "pages": {"public_badges": ["*"]},
    }
    with pytest.MonkeyPatch.context() as patched:
        for variable in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "HOME"):
            (root / variable).mkdir()
            patched.setenv(variable, str(root / variable))
        with served(create_app(settings)) as running, running.client() as client:
            running.service.repositories.add("sample", str(linked), actor="test")
            running.service.repositories.add("gone", str(root / "gone"), actor="test")
            fill(client)
            yield running


def ended(client: httpx.Client, job: dict[str, Any]) -> dict[str, Any]:
    """The job when it is over; streams are short here."""
    while job["state"] in ("queued", "running"):
        client.get(f"/api/v1/jobs/{job['id']}/events")
        job = client.get(f"/api/v1/jobs/{job['id']}").json()
    return job


def fill(client: httpx.Client) -> None:
    for verb, body in QUESTIONS:
        for base in (BASE, BASE.replace("sample", "gone")):
            answer = client.post(f"{base}/{verb}", json=body)
            assert answer.status_code == 202, (verb, answer.text)
            ended(client, answer.json())
    plan = client.get(f"{BASE}/plans").json()["jobs"][0]["plan_id"]
    run = ended(client, client.post(f"{BASE}/runs", json={"plan_id": plan}).json())["run_id"]
    for verb, body in (
        ("stories", {"run_id": run, "branch": "feature/<b>two"}),
        *((f"runs/{run}/reports", {"format": form}) for form in ("html", "md", "junit", "sarif", "json")),
        (f"runs/{run}/proofs", {}),
        (f"runs/{run}/undo", {}),
        ("batch-plans", {"name": "tasks.yaml", "text": TASKS}),
    ):
        answer = client.post(f"{BASE}/{verb}", json=body)
        assert answer.status_code == 202, (verb, answer.text)
        done = ended(client, answer.json())
    batch = ended(client, client.post(f"{BASE}/batches", json={"plan_id": done["plan_id"]}).json())
    assert batch["state"] == "done", batch
    ended(client, client.post(f"{BASE}/batches/{batch['run_id']}/reports", json={}).json())


def addresses(server: Served, client: httpx.Client) -> Iterator[str]:
    """Every GET route, with everything that there is in its place."""
    listed = client.get("/api/v1/jobs", params={"limit": 200}).json()["jobs"]
    jobs = list({(job["kind"], job["state"], str(job["params"].get("format"))): job for job in listed}.values())
    known = {
        "job": [job["id"] for job in jobs],
        "repository": ["sample", "gone"],
        "project": ["sample"],
        "plan_id": [job["plan_id"] for job in jobs if job["plan_id"]],
        "run_id": [job["run_id"] for job in jobs if job["run_id"] and job["kind"] == "run"],
        "batch": [job["run_id"] for job in jobs if job["run_id"] and job["kind"].startswith("batch")],
        "task": ["a"],
        "branch": ["clash", "clean"],
    }
    for method, path, _ in routes(server):
        if method == "GET":
            names = re.findall(r"\{(\w+)(?::\w+)?\}", path)
            for values in itertools.product(*(dict.fromkeys(known.get(name, ["none"])) for name in names)):
                address = re.sub(r"\{\w+(?::\w+)?\}", "{}", path).format(*values)
                yield f"{address}?after=0" if address.endswith("/events") else address


def test_every_address_begins_with_a_known_part(server: Served) -> None:
    assert {path.split("/")[1] for _, path, _ in routes(server)} - {""} == PAGES - {"static"}


def told(text: str) -> list[str]:
    """Where a text names the place."""
    return [text[max(0, one.start() - 80) : one.end() + 40] for one in re.finditer(PLANTED, text)]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.LANDER, None])
def test_no_answer_names_the_place(server: Served, role: Role | None) -> None:
    with server.client() as admin, server.client(role) as client:
        every = list(addresses(server, admin))
        assert len(every) > 150
        if role is not Role.VIEWER:  # one of each route
            every = list({re.sub(r"[0-9a-f-]{12,}", "", address): address for address in every}.values())

        def looked_at(address: str) -> None:
            for accept in ("application/json", "text/html")[: 1 if address.startswith("/api/") else 2]:
                answer = client.get(address, headers={"Accept": accept}, follow_redirects=False)
                assert answer.status_code < 500, address
                assert told(answer.text + repr(answer.headers)) == [], address
                assert int(answer.headers.get("Content-Length", len(answer.content))) == len(answer.content)

        with ThreadPoolExecutor(8) as readers:  # each stream lasts for a second
            list(readers.map(looked_at, every))


def test_administrators_see_it(server: Served) -> None:
    """What is hidden from the others is there: the test above would find it."""
    wanted = {
        "/api/v1/repositories",
        f"{BASE}/doctor",
        f"{BASE}/plans/ID",
        "/api/v1/jobs/ID",
        "/api/v1/jobs/ID/document",
        "/api/v1/jobs/ID/events?after=0",
        "/jobs/ID",
    }
    with server.client() as admin:
        for address in addresses(server, admin):
            kind = re.sub(r"[0-9a-f]{20,}", "ID", address)
            if kind in wanted and told(admin.get(address).text):
                wanted.discard(kind)
    assert wanted == set()


def test_a_lander_gets_answers_without_it_from_what_is_posted(server: Served) -> None:
    with server.client(Role.LANDER) as client:
        for base in (BASE, BASE.replace("sample", "gone")):
            for verb, body in QUESTIONS:
                answer = client.post(f"{base}/{verb}", json=body, headers={"Prefer": "wait=1"})
                assert told(answer.text) == [], verb


def test_output_of_a_task_from_any_offset(server: Served) -> None:
    with server.client() as admin, server.client(Role.VIEWER) as client:
        batch = next(job["run_id"] for job in admin.get(f"{BASE}/batches").json()["jobs"] if job["run_id"])
        address = f"{BASE}/batches/{batch}/logs/a"
        whole = admin.get(address).json()
        assert PLANTED in whole["text"]
        middle = len(whole["text"].encode().partition(PLANTED.encode())[0])
        for offset in range(middle - 3, middle + len(PLANTED) + 3):
            part = client.get(address, params={"offset": offset}).json()
            assert part["next"] == whole["next"]
            assert "TeD" not in part["text"], (offset, part)


def test_a_page_of_a_person(server: Served) -> None:
    server.service.throttle.forget_failures()
    with server.client(None) as browser:
        token = new_token(server.service.database, "viewing", role=Role.VIEWER)[0]
        browser.get(sign_in_link(server.service.database, token, address=""))
        with server.client() as admin:
            jobs = admin.get("/api/v1/repositories/gone/jobs").json()["jobs"]
            job = next(job for job in jobs if job["state"] == "failed")  # others may still wait
            assert told(admin.get(f"/jobs/{job['id']}").text)
        page = browser.get(f"/jobs/{job['id']}").text
        assert "&lt;repository&gt;" in page
        assert told(page) == []


def test_messages_of_webhooks(empty_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[bytes] = []

    def posted(own: Deliveries, url: str, body: bytes, headers: dict[str, str]) -> int:
        sent.append(body)
        return 200

    monkeypatch.setattr(Deliveries, "_posted", posted)
    key = new_key()
    monkeypatch.setenv(KEYS_VARIABLE, key)  # the server delivers, too
    place, sealer = tmp_path / PLACE / "gone", Sealer((key,))
    settings = {"database": {"file": shutil.copyfile(empty_database, tmp_path / "service.db")}}
    with closing(open_service_database(file=tmp_path / "service.db")) as database:
        Repositories(database).add("sample", str(place), actor="test")
        Webhooks(database).add(
            "sample",
            "https://hook.example.org/",
            kinds=[],
            actor="test",
            seal=lambda webhook, secret: sealer.seal_text(secret, of=webhook),
        )
        with served(create_app(settings)) as running, running.client() as client:
            ended(client, client.post(f"{BASE}/plans", json={}).json())
        deliveries = Deliveries(database, WebhookPolicy(), sealer=sealer)
        deliveries.write_new()
        while deliveries.deliver_one():
            pass
    assert b"<repository>" in sent[-1]
    assert PLANTED.encode() not in b"".join(sent)


@pytest.mark.parametrize(
    ("text", "is_markup", "shown"),
    [
        ("at /srv/shop.", False, "at <repository>."),
        ("/srv/shop-old/x", False, "<repository>-old/x"),
        ('{"m": "x\\n/srv/shop"}', False, '{"m": "x\\n<repository>"}'),
        ("file:///srv/shop/x", False, "file://<repository>/x"),
        ("%2Fsrv%2Fshop%2Fx", False, "<repository>%2Fx"),
        ("/api/v1/repositories/shop", False, "/api/v1/repositories/shop"),
        ('<a href="/repositories/shop">/repositories/shop</a>', True, '<a href="/repositories/shop">&lt;other&gt;</a>'),
        ("src/app/x /app/x", False, "src/app/x <short>/x"),
        ('"\\n/app" \\u001b[31m/app', False, '"\\n<short>" \\u001b[31m<short>'),
        ("/apples /app", False, "/apples <short>"),
        ("nothing /srv/other", False, "nothing /srv/other"),
    ],
)
def test_what_is_a_path(text: str, is_markup: bool, shown: str) -> None:
    places = {"/srv/shop": "repository", "/repositories/shop": "other", "/app": "short", "/": "root"}
    paths = MachinePaths(places, pages=frozenset({"repositories"}))
    assert paths.hidden(text.encode(), is_markup=is_markup).decode() == shown
    assert len(paths.masked(text.encode())) == len(text.encode())


def test_the_beginning_of_a_path_at_the_end_of_a_text() -> None:
    paths = MachinePaths({"/srv/shop": "repository"})
    assert [paths.begun(text) for text in (b"a", b"a/", b"a/srv/sho", b"/srv/shop", b"/srv/shop x", b"")] == [
        0, 1, 8, 0, 0, 0,
    ]  # fmt: skip
    assert machine_paths(()).hidden(b"/srv/shop") == b"/srv/shop"


def test_every_name_of_a_repository(sample: Path, tmp_path: Path) -> None:
    """Through a link, from a folder within, of a linked work tree: the same directories."""
    link, tree = tmp_path / "link", tmp_path / "tree"
    link.symlink_to(sample)
    repository = shutil.copytree(sample, tmp_path / "repo")
    subprocess.run(["git", "worktree", "add", "-q", str(tree), "clean"], cwd=repository, check=True)
    assert {str(link), str(sample), str(sample / ".git")} <= places_of_repository(str(link), None).keys()
    assert {str(tree), str(repository), str(repository / ".git")} <= places_of_repository(str(tree), None).keys()
    assert places_of_repository(str(repository), None)[str(tree)] == "work tree"
