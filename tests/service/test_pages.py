"""The pages: signing in, what other sites cannot do, every flow without scripts, and live in a browser."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from gitalign.core.accounts import Role
from gitalign.service.administration import new_token, sign_in_link
from gitalign.service.application import create_app
from gitalign.service.page_settings import PageSettings
from gitalign.service.settings import ServerSettings
from tests.documents.strict import validate
from tests.service.asking import tips
from tests.service.serving import Served, ended, served

ADDRESS = "/repositories/sample"


@pytest.fixture(scope="module")
def place(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(sample, tmp_path_factory.mktemp("pages") / "repo"))


@pytest.fixture(scope="module")
def server(place: Path, empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    file = Path(shutil.copyfile(empty_database, tmp_path_factory.mktemp("pages-db") / "service.db"))
    limits = {"sign_ins_per_minute": 3}
    with served(create_app({"database": {"file": file}, "limits": limits})) as running:
        running.service.repositories.add("sample", str(place), actor="test")
        yield running


@pytest.fixture
def visitor(server: Served) -> Iterator[httpx.Client]:
    """A browser without scripts that is signed in."""
    with server.client(None) as client:
        link = sign_in_link(server.service.database, holder(server), address=server.address)
        assert client.get(link).status_code == 303
        yield client


def holder(server: Served, role: Role = Role.ADMIN):  # type: ignore[no-untyped-def]
    return new_token(server.service.database, "visitor", role=role, days=1)[0]


def press(client: httpx.Client, page: str, action: str) -> str:
    """Press the button of a form on a page; the page that follows."""
    text = client.get(page).text
    form = re.search(rf'<form method="post" action="{re.escape(action)}"[^>]*>(.*?)</form>', text, re.DOTALL)
    assert form is not None, (action, text)
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form[1]))
    fields = {name: unescape(value) for name, value in fields.items()}
    answer = client.post(action, data=fields, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 303, answer.text
    again = client.post(action, data=fields, headers={"Sec-Fetch-Site": "same-origin"})
    if fields:
        assert again.headers["Location"] == answer.headers["Location"], "pressed twice, asked for once"
    return answer.headers["Location"]


def branches(client: httpx.Client, **query: str) -> list[str]:
    """Branches that the page of the repository lists, by the end of their addresses."""
    text = client.get(ADDRESS, params=query).text
    return re.findall(rf'class="first"><a href="{ADDRESS}/branches/([^"]*)"', text)


def finished(server: Served, page: str) -> None:
    with server.client() as client:
        assert ended(client, {"id": page.rsplit("/", 1)[1]})["error"] is None


def test_every_flow_without_scripts(server: Served, visitor: httpx.Client, place: Path) -> None:
    before = tips(place)
    assert "make a plan" in visitor.get("/").text
    for action in ("plan", "forecast", "conflicts"):
        job = press(visitor, ADDRESS, f"{ADDRESS}/{action}")
        finished(server, job)
    text = visitor.get(ADDRESS).text
    assert "feature/&lt;b&gt;two" in text
    assert "<b>two" not in text, "names are text, never markup"
    plan = re.search(rf'href="({ADDRESS}/plans/[0-9a-f]+)"', text)
    assert plan is not None
    assert "clash" in visitor.get(f"{ADDRESS}/conflicts").text
    assert branches(visitor, q="CLEAN") == ["clean"]
    assert branches(visitor, show="attention") == ["clash"]
    branch = visitor.get(f"{ADDRESS}/branches/feature/%3Cb%3Etwo")
    assert (branch.status_code, "<b>two" in branch.text) == (200, False)

    job = press(visitor, plan[1], f"{plan[1]}/run")
    finished(server, job)
    assert tips(place) != before
    text = visitor.get(job).text
    assert "conflicted" in text
    branch_page = f"{ADDRESS}/branches/feature/%3Cb%3Etwo"
    tell = re.search(rf'action="({ADDRESS}/runs/[^"]*/story)"', visitor.get(branch_page).text)
    assert tell is not None
    story = press(visitor, branch_page, tell[1])
    finished(server, story)
    assert validate(visitor.get(f"/api/v1{story}/document").json()) == "branch-story"
    assert "Every commit changes what it changed before." in visitor.get(branch_page).text
    undo = re.search(rf'action="({ADDRESS}/runs/[^"]*/undo)"', text)
    assert undo is not None
    finished(server, press(visitor, job, unescape(undo[1])))
    assert tips(place) == before
    assert "undo" in visitor.get("/jobs").text
    missing = visitor.get("/repositories/none")
    assert (missing.status_code, missing.headers["Content-Type"]) == (404, "text/html; charset=utf-8")


def test_signing_in(server: Served) -> None:
    with server.client(None) as client:
        sent = client.get("/jobs")
        assert (sent.status_code, sent.headers["Location"]) == (303, "/sign-in?next=%2Fjobs")
        assert "Token" in client.get("/sign-in").text
        answer = client.post("/sign-in", data={"token": server.token(Role.VIEWER), "next": "//evil.example"})
        assert (answer.status_code, answer.headers["Location"]) == (303, "/"), "never to another site"
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        page = client.get(ADDRESS)
        assert page.status_code == 200
        assert "<button>Plan</button>" not in page.text, "a viewer sees no buttons that it may not press"
        assert client.post(f"{ADDRESS}/plan", data={"key": "k"}).status_code == 403
        client.post("/sign-out")
        assert client.get("/jobs").status_code == 303


def test_links_work_once_and_guessing_is_limited(server: Served) -> None:
    link = sign_in_link(server.service.database, holder(server), address=server.address)
    with server.client(None) as client:
        assert client.get(link, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
        assert client.get(link).status_code == 303
        client.cookies.clear()
        codes = [
            client.get(link).status_code,
            *(client.post("/sign-in", data={"token": "x"}).status_code for _ in "abc"),
        ]
        assert codes == [403, 403, 403, 429]
    server.service.throttle.forget_failures()


def test_what_another_site_sends_is_refused(server: Served, visitor: httpx.Client) -> None:
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ):
        answer = visitor.post(f"{ADDRESS}/plan", data={"key": "k"}, headers=headers)
        assert answer.status_code == 403, headers
        answer = visitor.post("/api/v1/repositories/sample/plans", json={}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "cross_site")
        assert visitor.post("/sign-in", data={"token": "x"}, headers=headers).status_code == 403
    assert visitor.get("/jobs", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


@pytest.mark.parametrize("action", ["runs/a%20b/undo", "runs/a%20b/resume", f"runs/{'a' * 41}/undo", "plans/abc/run"])
def test_names_in_the_addresses_of_forms_are_held_to_the_api_s_rules(visitor: httpx.Client, action: str) -> None:
    same = {"Sec-Fetch-Site": "same-origin"}
    answer = visitor.post(f"{ADDRESS}/{action}", data={"key": "k"}, headers=same)
    assert (answer.status_code, answer.headers["Content-Type"]) == (422, "text/html; charset=utf-8")
    assert "should match" in answer.text


def test_a_revoked_token_ends_its_sessions(server: Served, visitor: httpx.Client) -> None:
    (token,) = [one for one in server.service.accounts.all() if one.name == "visitor" and one.last_used_at][-1:]
    assert visitor.get("/jobs").status_code == 200
    for one in server.service.accounts.all():
        if one.name == "visitor":
            server.service.accounts.revoke(one.id, actor="test")
    assert visitor.get("/jobs").status_code == 303, token.id


@pytest.fixture
def page(server: Served, browser: Browser) -> Iterator[Page]:
    with browser.new_context(viewport={"width": 1000, "height": 800}) as context:
        opened = context.new_page()
        troubles: list[str] = []
        opened.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
        opened.on("pageerror", lambda error: troubles.append(str(error)))
        opened.goto(sign_in_link(server.service.database, holder(server), address=server.address))
        yield opened
        assert troubles == [], "the policy is kept, and no script fails"


def test_from_review_to_undo_in_a_browser(server: Served, page: Page, place: Path) -> None:
    before = tips(place)
    page.goto(f"{server.address}{ADDRESS}")
    page.get_by_role("button", name="Plan", exact=True).click()
    expect(page.locator("#state")).to_have_text("done", timeout=60_000)  # the page follows the job by itself
    page.get_by_role("link", name="The plan").click()
    expect(page.get_by_role("cell", name="feature/<b>two")).to_be_visible()
    page.get_by_role("button", name="Run this plan").click()
    expect(page.locator("#state")).to_have_text("done", timeout=60_000)
    assert tips(place) != before
    expect(page.locator("#log")).to_contain_text("run finished")
    page.get_by_role("button", name="Undo this run").click()
    expect(page.locator("#state")).to_have_text("done", timeout=60_000)
    assert tips(place) == before


def test_the_page_of_a_repository_follows_what_happens(server: Served, page: Page) -> None:
    with page.expect_response(lambda answer: answer.url.endswith("/events")):
        page.goto(f"{server.address}{ADDRESS}")
    rows = page.get_by_role("table", name="Jobs").locator("tbody tr")
    before = rows.count()
    with page.expect_response(lambda answer: answer.url.endswith(ADDRESS)), server.client() as client:
        client.post("/api/v1/repositories/sample/forecasts", json={})
    expect(rows).to_have_count(min(8, before + 1), timeout=30_000)


@pytest.mark.parametrize("width", [360, 1000])
def test_pages_fit_a_phone_and_have_names_for_everything(server: Served, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 700})
    for address in ("/", ADDRESS, f"{ADDRESS}/conflicts", "/jobs"):
        page.goto(f"{server.address}{address}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (address, width)
        unnamed = page.evaluate(
            "[...document.querySelectorAll('button, a, input:not([type=hidden])')]"
            ".filter(one => !(one.textContent.trim() || one.labels?.length || one.ariaLabel)).length"
        )
        assert unnamed == 0, address
        assert page.locator("h1").count() == 1


def test_a_badge_needs_an_account_unless_settings_say_otherwise(server: Served, visitor: httpx.Client) -> None:
    mine = visitor.get("/badge/sample.svg")
    assert (mine.status_code, mine.headers["Content-Type"]) == (200, "image/svg+xml")
    assert mine.headers["Cache-Control"] == "private, max-age=60"
    again = visitor.get("/badge/sample.svg", headers={"If-None-Match": mine.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert visitor.get("/badge/none.svg").status_code == 404
    with server.client(None) as stranger:
        assert stranger.get("/badge/sample.svg").status_code == 303
        server.app.state.service = replace(server.service, settings=_with_badges(server, "*"))
        for name in ("sample", "none"):
            shown = stranger.get(f"/badge/{name}.svg")
            assert (shown.status_code, shown.headers["Cache-Control"]) == (200, "public, max-age=60"), name
        server.app.state.service = replace(server.service, settings=_with_badges(server, "other"))
        assert stranger.get("/badge/sample.svg").status_code == 303


def _with_badges(server: Served, name: str) -> ServerSettings:
    return server.service.settings.model_copy(update={"pages": PageSettings(public_badges=(name,))})
