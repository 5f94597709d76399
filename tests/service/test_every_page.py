"""Every page with many branches: its size and its time; and with some of them in a browser: what axe finds, and that it fits."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from html import unescape
from importlib.resources import files
from pathlib import Path
from statistics import quantiles
from typing import Any
from urllib.parse import unquote, urljoin

import pytest
from playwright.sync_api import Browser, Page, expect
from starlette.routing import compile_path
from starlette.testclient import TestClient

from gitalign.core.accounts import Role
from gitalign.service.administration import new_token, sign_in_link
from gitalign.service.application import create_app
from tests.service.many import BATCH_ID, OLD_PLAN_ID, PLAN_ID, fill
from tests.service.serving import Served, served
from tests.service.test_api import routes
from tests.views.many import outlook_of

BRANCHES = 8
MOST_BYTES = 300_000
MOST_P95_S = 0.150
_SHOP = "/repositories/shop"


def addresses(ids: dict[str, str], branches: int) -> list[str]:
    """Each page, and those whose filters let most through."""
    forecast = outlook_of(branches).forecast
    clash = forecast.clashes[0]
    names = (clash.one.replace("*", "%2A"), clash.other.replace("*", "%2A"))
    return [
        "/",
        "/jobs",
        "/wall",
        "/badge/shop.svg",
        _SHOP,
        f"{_SHOP}?show=attention&sort=behind&page=2",
        f"{_SHOP}?q=login&state=conflicted",
        f"{_SHOP}/branches/{names[0]}",
        f"{_SHOP}/clashes",
        f"{_SHOP}/clashes?branch=login-",
        f"{_SHOP}/clashes/pair?one={names[0]}&other={names[1]}",
        f"{_SHOP}/conflicts",
        f"{_SHOP}/conflicts/{conflicted(branches)}",
        f"{_SHOP}/resolutions",
        f"{_SHOP}/plans",
        f"{_SHOP}/plans?before={OLD_PLAN_ID}&after={PLAN_ID}",
        f"{_SHOP}/plans/{PLAN_ID}",
        f"{_SHOP}/jobs?kind=run",
        f"{_SHOP}/schedules",
        f"{_SHOP}/batches",
        f"{_SHOP}/batches/{BATCH_ID}",
        f"{_SHOP}/batches/{BATCH_ID}/tasks/task-1",
        *(f"/jobs/{ids[kind]}" for kind in ("plan", "forecast", "run", "conflicts")),
        f"/jobs/{ids['run']}?verdict=conflicted&page=2",
        f"/jobs/{ids['run']}/progress",
        "/sign-in",
        "/account",
        "/people",
        "/people/cleo",
        "/tokens",
        "/credentials",
        "/audit",
        "/audit?actor=cleo",
        "/settings",
    ]


def conflicted(branches: int) -> str:
    return outlook_of(branches).forecast.branches[2].branch.replace("*", "%2A")


def signed_in(app: Any, client: TestClient) -> None:
    database = app.state.service.database
    token = new_token(database, "ada", role=Role.ADMIN, days=1)[0]
    link = sign_in_link(database, token, address="http://localhost")
    assert client.get(link.removeprefix("http://localhost"), follow_redirects=False).status_code == 303


def test_650_branches_fit_and_are_drawn_in_time(empty_database: Path, tmp_path: Path) -> None:
    """Of the processor, as the machine may be busy: of this process, which does the work of the server."""
    file = tmp_path / "service.db"
    file.write_bytes(empty_database.read_bytes())
    app = create_app({"database": {"file": file}, "work": {"workers": 0}})
    with TestClient(app, base_url="http://localhost") as client:
        app.state.service.repositories.add("shop", "/nowhere", actor="test")
        ids = fill(app.state.service.database, "shop", 650)
        signed_in(app, client)
        large, times = {}, []
        for address in addresses(ids, 650) * 2:
            begun = time.process_time()
            answer = client.get(address)
            times.append(time.process_time() - begun)
            assert answer.status_code == 200, address
            if len(answer.content) > MOST_BYTES:
                large[address] = len(answer.content)
        assert large == {}
        p95 = quantiles(times, n=20)[-1]
        assert p95 < MOST_P95_S, sorted(times)[-5:]


def test_links_lead_to_every_page_and_to_none_that_is_not_there(empty_database: Path, tmp_path: Path) -> None:
    """Also to documents of the API; not to streams of events, which do not end."""
    file = tmp_path / "service.db"
    file.write_bytes(empty_database.read_bytes())
    app = create_app({"database": {"file": file}, "work": {"workers": 0}})
    with TestClient(app, base_url="http://localhost") as client:
        app.state.service.repositories.add("shop", "/nowhere", actor="test")
        ids = fill(app.state.service.database, "shop", BRANCHES)
        signed_in(app, client)
        waiting, seen, dead = ["/"], {"/"}, []
        while waiting:
            address = waiting.pop()
            answer = client.get(address)
            if answer.status_code != 200:
                dead.append(address)
            for link in (
                re.findall(r'href="([^"#]+)"', answer.text) if "text/html" in answer.headers["Content-Type"] else ()
            ):
                wanted = urljoin(f"http://localhost{address}", unescape(link)).removeprefix("http://localhost")
                if wanted not in seen and not wanted.endswith("/events") and wanted.startswith("/"):
                    seen.add(wanted)
                    waiting.append(wanted)
        places = {unquote(one.partition("?")[0]) for one in seen}
        apart = {"/sign-in", "/badge/shop.svg", f"/jobs/{ids['run']}/progress"}
        missing = {unquote(one.partition("?")[0]) for one in addresses(ids, BRANCHES)} - places - apart
        assert (dead, missing) == ([], set())


@pytest.fixture(scope="module")
def server(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    file = tmp_path_factory.mktemp("every") / "service.db"
    file.write_bytes(empty_database.read_bytes())
    with served(create_app({"database": {"file": file}, "work": {"workers": 0}})) as running:
        running.service.repositories.add("shop", "/nowhere", actor="test")
        yield running


@pytest.fixture(scope="module")
def ids(server: Served) -> dict[str, str]:
    return fill(server.service.database, "shop", BRANCHES)


@pytest.fixture(scope="module", params=["light", "dark"])
def page(request: pytest.FixtureRequest, server: Served, browser: Browser) -> Iterator[Page]:
    """Light at a desk; dark on a phone of somebody who asks for less motion."""
    is_light = request.param == "light"
    context = browser.new_context(
        color_scheme=request.param,
        reduced_motion="no-preference" if is_light else "reduce",
        viewport={"width": 1280 if is_light else 360, "height": 800},
    )
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    token = new_token(server.service.database, "ada", role=Role.ADMIN, days=1)[0]
    opened.goto(sign_in_link(server.service.database, token, address=server.address))
    yield opened
    context.close()
    assert complaints == [], "the policy is kept, and no script fails"


def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    server: Served, page: Page, ids: dict[str, str], axe: str
) -> None:
    """WCAG 2.2 AA and best practices. In the dark only what colours change: the markup is the same."""
    is_dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    rules = "{runOnly: ['color-contrast', 'link-in-text-block', 'target-size']}" if is_dark else "{}"
    found = []
    for address in addresses(ids, BRANCHES):
        is_shown_twice = "page=2" in address or "state=" in address or "?branch=" in address
        if is_shown_twice or address.endswith(("/progress", ".svg")):
            continue
        answer = page.goto(f"{server.address}{address}")
        assert answer is not None
        assert answer.status == 200, address
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        page.evaluate(axe)
        told = page.evaluate(
            f"axe.run(Object.assign({{resultTypes: ['violations']}}, {rules})).then(result => "
            "result.violations.map(one => [one.id, one.nodes.slice(0, 3).map(node => node.html.slice(0, 200))]))"
        )
        found += [f"{address}: {rule}: {node}" for rule, nodes in told for node in nodes]
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
        assert page.locator("h1").count() == 1, address
        assert not is_dark or page.evaluate(MOVING) == [], f"{address}: less motion was asked for"
    assert not found, "\n".join(found)


@pytest.fixture(scope="module")
def axe() -> str:
    return (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


MOVING = """
[...document.querySelectorAll("*")].filter(one => {
  const style = getComputedStyle(one);
  return style.animationName !== "none" || style.scrollBehavior === "smooth"
    || style.transitionDuration.split(",").some(word => parseFloat(word) > 0);
}).map(one => one.outerHTML.slice(0, 100))
"""

WATCH = """
() => {
  const able = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]';
  const wanted = [...document.querySelectorAll(able)].filter(one =>
    one.checkVisibility() && !one.disabled && one.getAttribute("tabindex") !== "-1" && !one.closest("[inert]"));
  const said = one => one.outerHTML.slice(0, 120);
  const bare = ["outlineStyle", "outlineWidth", "boxShadow", "borderColor", "backgroundColor", "textDecoration"];
  const look = one => bare.map(name => getComputedStyle(one)[name]).join();
  const before = new Map(wanted.map(one => [one, look(one)]));
  const walk = window.walk = { wanted: wanted.length, seen: [], unseen: [], dim: [], back: [] };
  document.addEventListener("focusin", event => {
    const one = event.target, last = walk.seen.at(-1), box = one.getBoundingClientRect();
    if (one === walk.seen[0]) walk.round = true;
    if (walk.round) return;
    if (last && !(last.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING)) walk.back.push(said(one));
    walk.seen.push(one);
    const isOutside = box.right <= 0 || box.left >= innerWidth || box.bottom <= 0 || box.top >= innerHeight;
    if (isOutside || box.width * box.height < 1) walk.unseen.push(said(one));
    const style = getComputedStyle(one), isOutlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
    if (!isOutlined && (!before.has(one) || look(one) === before.get(one))) walk.dim.push(said(one));
  });
  walk.result = () => ({
    back: walk.back, unseen: walk.unseen, dim: walk.dim,
    missed: walk.round ? wanted.filter(one => !walk.seen.includes(one)).map(said) : ["the walk did not come round"],
  });
  return wanted.length;
}
"""


TAB = {"type": "rawKeyDown", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9, "nativeVirtualKeyCode": 9}
"""To the browser at once: Playwright waits for each key to come up as well."""
ALIKE = "document.querySelectorAll('header.top, nav.tabs').forEach(one => { one.inert = true; })"


def faults_of_a_walk(page: Page) -> dict[str, list[str]]:
    """Press Tab until the walk comes round; what it showed is asked for once, at its end."""
    keys = page.context.new_cdp_session(page)
    for _ in range(page.evaluate(WATCH) + 8):  # a few regions that scroll can be reached beside what is counted
        keys.send("Input.dispatchKeyEvent", TAB)
    return {name: rows[:3] for name, rows in page.evaluate("window.walk.result()").items() if rows}


@pytest.mark.parametrize(
    ("fault", "html"),
    [
        ("dim", "<style>a { outline: none !important }</style>"),
        ("back", "<button tabindex=2>too early</button>"),
        ("unseen", "<a href='#x' style='position: fixed; left: -99rem'>outside</a>"),
        ("missed", "<input onkeydown='if (event.key === \"Tab\") event.preventDefault()'>"),
    ],
)
def test_a_walk_finds_what_would_keep_people_out(browser: Browser, fault: str, html: str) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.set_content("<a href='#1'>one</a><button>two</button>")
        assert faults_of_a_walk(page) == {}
        page.set_content(f"<a href='#1'>one</a>{html}<button>two</button>")
        assert fault in faults_of_a_walk(page)


def test_the_keyboard_walks_through_every_page(server: Served, browser: Browser, ids: dict[str, str]) -> None:
    """Each link, button and field is reached by Tab, in the order of the page, can be seen when it is, and is left again."""
    faults, walked = {}, set()
    with browser.new_context(viewport={"width": 1280, "height": 800}) as context:
        page = context.new_page()
        token = new_token(server.service.database, "ada", role=Role.ADMIN, days=1)[0]
        page.goto(sign_in_link(server.service.database, token, address=server.address))
        for address in addresses(ids, BRANCHES):
            place = address.partition("?")[0]
            if place in walked or place.endswith(("/progress", ".svg")):
                continue
            walked.add(place)
            page.goto(f"{server.address}{address}")
            if place not in ("/", _SHOP):
                page.evaluate(ALIKE)  # they were walked through there
            if result := faults_of_a_walk(page):
                faults[address] = result
    assert not faults, "\n".join(f"{address}: {what}" for address, what in faults.items())


def test_every_page_is_among_them(server: Served, ids: dict[str, str]) -> None:
    pages = {path for method, path, _ in routes(server) if method == "GET" and not path.startswith("/api/")}
    seen = [address.partition("?")[0] for address in addresses(ids, BRANCHES)]
    missing = {path for path in pages if not any(compile_path(path)[0].fullmatch(one) for one in seen)}
    no_pages = {"/health", "/metrics", "/ready", "/openid/start", "/openid/callback", "/sign-in/{link}"}
    assert missing - no_pages == set(), "add an address of each to `addresses`"


def test_keys_are_listed_and_lead_through_the_page(server: Served, page: Page, ids: dict[str, str]) -> None:
    page.goto(f"{server.address}{_SHOP}")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("?j")
    expect(page.get_by_role("searchbox")).to_have_value("?j")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    expect(page.locator("td.first a").first).to_be_focused()
    page.keyboard.press("j")
    expect(page.locator("td.first a").nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("*")
    page.keyboard.press("g")
    page.keyboard.press("n")
    expect(page.locator("h1")).to_have_text("Now")


def test_filters_are_in_the_address_without_scripts(server: Served, browser: Browser, ids: dict[str, str]) -> None:
    token = new_token(server.service.database, "ada", role=Role.ADMIN, days=1)[0]
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(sign_in_link(server.service.database, token, address=server.address))
        page.goto(f"{server.address}{_SHOP}")
        page.locator("select[name=state]").select_option("conflict")
        page.get_by_role("button", name="Show").click()
        assert "state=conflict" in page.url
        assert page.locator("td[data-label=State]").all_inner_texts().count("conflict") == BRANCHES // 2
        page.get_by_role("link", name="Clash map").click()
        expect(page.get_by_role("group", name="Clash map")).to_be_visible()
        page.goto(f"{server.address}/jobs/{ids['run']}")
        expect(page.locator("svg.lanes")).to_be_visible()
