"""650 branches in a real browser: at once, on a phone, with the keyboard, and by links that others were sent."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from gitalign.views.forecast import forecast_page
from gitalign.views.report import report_page
from tests.needs import CHROMIUM
from tests.views.browsing import Watched
from tests.views.many import AS_OF, outlook_of, report_of

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium (Debian: apt-get install chromium)")

BRANCHES = 650
WIDTH = 390
_CONTRAST = """() => {
  const light = text => { const [r, g, b] = text.match(/[\\d.]+/g).map(Number).map(c => c / 255).map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const probe = document.body.appendChild(document.createElement("p"));
  const shown = name => { probe.style.color = `var(${name})`; return light(getComputedStyle(probe).color); };
  const found = [];
  for (const ground of ["--ground", "--card", "--hover"]) for (const ink of ["--ink", "--soft", "--clean", "--conflict", "--open", "--quiet", "--link"]) {
    const [a, b] = [shown(ground), shown(ink)];
    found.push([ground, ink, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)]);
  }
  probe.remove();
  return found;
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("large") / "forecast.html"
    file.write_text(forecast_page(outlook_of(BRANCHES), name="shop", as_of=AS_OF), encoding="utf-8")
    return file.as_uri()


@pytest.fixture(scope="module")
def report_address(tmp_path_factory: pytest.TempPathFactory) -> str:
    report, after = report_of(60, findings=2)
    file = tmp_path_factory.mktemp("reported") / "report.html"
    page = report_page(report, name="shop", summaries=(), timeline=(), range_diffs={}, after=after)
    file.write_text(page, encoding="utf-8")
    return file.as_uri()


@pytest.fixture(scope="module")
def desk(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    made = Watched(context.new_page())
    yield made.page
    made.require_silence()
    context.close()


@pytest.fixture(scope="module")
def phone(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": WIDTH, "height": 844}, is_mobile=True, has_touch=True)
    made = Watched(context.new_page())
    yield made.page
    made.require_silence()
    context.close()


def rows(page: Page) -> int:
    return page.locator("tbody tr:not(.note)").count()


def test_it_takes_less_than_a_second_to_paint(browser: Browser, address: str) -> None:
    """Of the processor: the machine may be busy."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(address)
    page.evaluate(  # polling a function would be an `eval`, which the page forbids
        """() => new Promise(done => new PerformanceObserver(list => {
            if (list.getEntriesByName("first-contentful-paint").length) done();
        }).observe({type: "paint", buffered: true}))"""
    )
    asked = page.context.new_cdp_session(page)
    asked.send("Performance.enable")
    metrics = {one["name"]: one["value"] for one in asked.send("Performance.getMetrics")["metrics"]}
    assert 0 < metrics["ProcessTime"] < 1
    assert page.title() == "shop - forecast"
    expect(page.locator("main h2").first).to_have_text("What to do first")
    page.close()


def test_undecided_pairs_are_folded_away_and_the_map_can_be_zoomed_and_searched(desk: Page, address: str) -> None:
    desk.goto(f"{address}#tab=map")
    canvas = desk.locator("canvas")
    desk.wait_for_selector("canvas[data-side]")
    size, side = (int(canvas.get_attribute(f"data-{key}") or 0) for key in ("size", "side"))
    assert side >= 12  # with names
    desk.get_by_role("button", name="Zoom in").click()
    assert int(canvas.get_attribute("data-side") or 0) > side
    desk.get_by_role("button", name="Show the whole map").click()
    assert int(canvas.get_attribute("data-side") or 0) < 12
    desk.locator("#undecided").click()
    desk.wait_for_selector("canvas[data-side]")
    assert int(canvas.get_attribute("data-size") or 0) >= size
    expect(desk.locator("#undecided")).to_have_attribute("aria-pressed", "true")
    clash = outlook_of(BRANCHES).forecast.clashes[0]
    desk.goto(f"{address}#tab=map&find={quote(clash.one)}")
    desk.wait_for_selector("canvas[data-side]")
    assert 2 <= int(canvas.get_attribute("data-size") or 0) < 30
    canvas.focus()
    size = int(canvas.get_attribute("data-size") or 0)
    for _ in range(size):
        desk.keyboard.press("ArrowRight")
        if "clash at" in desk.locator("aside").inner_text():
            break
    expect(desk.locator("aside")).to_contain_text("clash at")
    desk.keyboard.press("Enter")
    expect(desk.locator("main h3", has_text="Clashes with")).to_have_count(1)


def test_tiles_filter_and_keys_lead_through_the_page(desk: Page, address: str) -> None:
    desk.goto(f"{address}#tab=branches")
    desk.get_by_role("button", name="stop").click()
    expect(desk.locator("#by-prospect")).to_have_value("conflict")
    stopping = sum(one.prospect == "conflict" for one in outlook_of(BRANCHES).forecast.branches)
    assert rows(desk) == stopping
    desk.keyboard.press("/")
    desk.keyboard.type("login-")
    assert 0 < rows(desk) < stopping
    desk.keyboard.press("Escape")
    desk.keyboard.press("j")
    desk.keyboard.press("j")
    named = desk.evaluate("document.activeElement.textContent")
    desk.keyboard.press("Enter")
    expect(desk.locator("#branch-name")).to_have_text(named)
    expect(desk.locator("#branch-name")).to_be_focused()
    assert desk.title() == f"{named} - shop - forecast"
    desk.keyboard.press("Escape")
    expect(desk.locator("#by-find")).to_have_value("login-")


def test_what_is_drawn_again_keeps_the_focus_and_what_was_opened(desk: Page, address: str) -> None:
    desk.goto(f"{address}#tab=branches")
    desk.locator(".todo summary").first.click()
    desk.get_by_role("link", name="Paths").focus()
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("link", name="Paths")).to_be_focused()
    expect(desk.get_by_role("link", name="Paths")).to_have_attribute("aria-current", "page")
    expect(desk.locator(".todo details").first).to_have_attribute("open", "")
    desk.get_by_role("button", name="would align").focus()
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("button", name="would align")).to_be_focused()
    expect(desk.get_by_role("button", name="would align")).to_have_attribute("aria-pressed", "true")


def test_a_link_by_the_name_of_a_branch(desk: Page, address: str) -> None:
    branch = next(one for one in outlook_of(BRANCHES).forecast.branches if one.prospect == "conflict")
    desk.goto(f"{address}#branch={quote(branch.branch, safe='/')}")
    expect(desk.locator("#branch-name")).to_have_text(branch.branch)
    expect(desk.locator(".sides pre").first).to_be_visible()
    link = desk.get_by_role("link", name="compare view")
    expect(link).to_have_attribute(
        "href", f"https://github.com/team/shop/compare/{branch.target}...{quote(branch.branch, safe='/')}"
    )
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    desk.goto(f"{address}#branch=no/such%20branch")
    expect(desk.locator("main")).to_contain_text("This page has no branch named no/such branch.")
    desk.goto(f"{address}#branch=%")
    expect(desk.locator("main")).to_contain_text("This page has no branch named %.")


@pytest.mark.parametrize("view", ["tab=branches", "tab=map", "tab=people", "tab=paths", "branch="])
def test_nothing_is_wider_than_a_phone(phone: Page, address: str, view: str) -> None:
    name = outlook_of(BRANCHES).forecast.clashes[0].one
    phone.goto(f"{address}#{view}{quote(name) if view == 'branch=' else ''}")
    phone.locator("main > *").first.wait_for(state="attached")
    for details in phone.locator("main > details > summary").all()[:3]:
        details.click()
    widest = "Math.max(...[...document.querySelectorAll('main *')].map(one => one.closest('.mapframe') ? 0 : one.getBoundingClientRect().right))"
    assert phone.evaluate("document.documentElement.scrollWidth") == WIDTH
    assert phone.evaluate(widest) <= WIDTH


def test_rows_are_cards_on_a_phone(phone: Page, address: str, report_address: str) -> None:
    for place in (address, report_address):
        phone.goto(f"{place}#tab=branches")
        card = phone.locator("tbody tr").first
        expect(card).to_be_visible()
        assert card.evaluate("one => one.getBoundingClientRect().width") > WIDTH * 0.85
        assert (
            card.locator("td[data-label=author]").evaluate("one => getComputedStyle(one, '::before').content")
            == '"author"'
        )
        # A table to those who hear it, whatever it looks like.
        assert phone.get_by_role("table").count() == 1
        phone.locator(".sortby select").select_option(label="branch")
        first = [phone.locator("tbody td.first").nth(at).inner_text() for at in range(3)]
        assert first == sorted(first)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_colour_of_text_can_be_read(desk: Page, report_address: str, scheme: str) -> None:
    desk.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    desk.goto(report_address)
    weak = [one for one in desk.evaluate(_CONTRAST) if one[2] < 4.5]
    desk.emulate_media(color_scheme="light")
    assert weak == []
