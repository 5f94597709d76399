"""The page in a real browser, opened from disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from gitalign import facade
from gitalign.core.outlook import Outlook
from gitalign.core.plan import Permit
from gitalign.views.forecast import forecast_page
from tests.git.workspace import Workspace
from tests.needs import CHROMIUM
from tests.rules.house import branch_with
from tests.runs import request, run
from tests.views.browsing import Watched
from tests.views.clashing import AS_OF, HOSTILE_PATH, MARKUP, clashing

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium (Debian: apt-get install chromium)")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Outlook:
    return clashing(tmp_path_factory.mktemp("pages") / "repo")


@pytest.fixture(scope="module")
def address(found: Outlook, tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("page") / "forecast.html"
    file.write_text(forecast_page(found, name="repo", as_of=AS_OF), encoding="utf-8")
    return file.as_uri()


@pytest.fixture(params=["light", "dark"])
def watched(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Watched]:
    context = browser.new_context(color_scheme=request.param, viewport={"width": 1280, "height": 900})
    made = Watched(context.new_page())
    yield made
    made.require_silence()
    context.close()


def tiles(page: Page) -> dict[str, str]:
    """What each tile counts -> its number."""
    words = page.locator(".tiles li").all_inner_texts()
    return {text.split("\n")[-1]: text.split("\n")[0] for text in words}


def rows(page: Page) -> list[str]:
    return page.locator("tbody tr td:first-child").all_inner_texts()


def test_the_map_shows_clashes_and_the_pair_that_is_pointed_at(watched: Watched, address: str) -> None:
    page = watched.page
    page.goto(address)
    shown = tiles(page)
    assert (shown["branches"], shown["stop"], shown["pairs clash"], shown["pairs undecided"]) == ("8", "2", "4", "1")
    page.wait_for_selector("canvas[data-side]")
    canvas = page.locator("canvas")
    side, margin, top = (float(canvas.get_attribute(f"data-{key}") or "nan") for key in ("side", "margin", "top"))
    # The two with most clashes come first.
    canvas.click(position={"x": margin + 1.5 * side, "y": top + 0.5 * side})
    aside = page.locator("aside").inner_text()
    assert "clash at 1 path" in aside
    assert "list" in aside
    page.get_by_role("link", name="hunks and commits").click()
    opened = page.locator("details[open]").inner_text()
    assert "line 4" in opened
    assert "commits here" in opened


def test_light_and_dark(watched: Watched, address: str) -> None:
    page = watched.page
    page.goto(address)
    ground = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(ground)
    is_dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert (sum(int(part) for part in before[4:-1].split(",")) < 200) == is_dark
    page.locator("#theme button").click()
    assert page.evaluate(ground) != before


def test_tables_sort_and_filters_narrow(watched: Watched, address: str) -> None:
    page = watched.page
    page.goto(f"{address}#tab=branches")
    assert len(rows(page)) == 8
    page.get_by_role("columnheader", name="branch").get_by_role("button").click()
    ascending = rows(page)
    page.get_by_role("columnheader", name="branch").get_by_role("button").click()
    assert rows(page) == ascending[::-1]
    page.select_option("#by-prospect", "conflict")
    assert sorted(rows(page)) == ["stops", "stops-too"]
    page.select_option("#by-prospect", "")
    page.fill("#by-path", "list")
    assert sorted(rows(page)) == ["one", "three", "two"]
    page.fill("#by-path", "")
    page.select_option("#by-author", "bo@example.org")
    assert sorted(rows(page)) == ["stops", "stops-too", "three", "two"]
    # What is looked at is in the address.
    page.reload()
    assert sorted(rows(page)) == ["stops", "stops-too", "three", "two"]
    page.get_by_role("button", name="Reset").click()
    page.select_option("#by-age", ">30")
    assert rows(page) == ["none"] or len(rows(page)) == 8
    page.select_option("#by-age", "<30" if rows(page) == ["none"] else ">30")
    assert len(rows(page)) == 8


def test_a_page_per_branch_and_hostile_names_are_text(watched: Watched, address: str, found: Outlook) -> None:
    page = watched.page
    for branch in found.forecast.branches:
        page.goto(f"{address}#branch={quote(branch.branch, safe='/')}")
        expect(page.locator("h2")).to_have_text(branch.branch)
        clashes = sum(branch.branch in (clash.one, clash.other) for clash in found.forecast.clashes)
        expect(page.locator("main")).to_contain_text(f"Clashes with {clashes} branch")
    page.goto(f"{address}#tab=paths")
    expect(page.locator("tbody")).to_contain_text(HOSTILE_PATH)
    page.goto(f"{address}#tab=people")
    expect(page.locator("tbody")).to_contain_text(f"bo {MARKUP}")
    expect(page.locator("tbody")).to_contain_text("both branches are theirs")
    assert page.locator("main img").count() == 0


@pytest.fixture(scope="module")
def report_address(tmp_path_factory: pytest.TempPathFactory) -> str:
    place = tmp_path_factory.mktemp("reported")
    clashing(place / "repo")
    run(place / "repo")
    file = place / "report.html"
    file.write_text(facade.write_up(request(place / "repo"), form=facade.ReportFormat.HTML), encoding="utf-8")
    return file.as_uri()


def test_the_report_of_a_run(watched: Watched, report_address: str) -> None:
    page = watched.page
    page.goto(report_address)
    assert len(rows(page)) == 8
    page.select_option("#by-verdict", "conflicted")
    assert sorted(rows(page)) == ["stops", "stops-too"]
    page.get_by_role("link", name="Timeline").click()
    expect(page.locator("svg rect")).to_have_count(2)
    page.select_option("#by-verdict", "")
    expect(page.locator("svg rect")).to_have_count(8)
    page.locator("svg rect").first.dispatch_event("click")
    expect(page.locator("h2")).to_have_count(1)
    page.goto(f"{report_address}#branch=one")
    expect(page.locator("main")).to_contain_text("own commit")
    assert page.locator("main img").count() == 0


@pytest.fixture(scope="module")
def checked_address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run in which one branch fails a check that writes markup."""
    place = tmp_path_factory.mktemp("checked")
    work = Workspace(place / "repo")
    work.commit("base", {"f": b"1\n"})
    for name in ("good", "bad"):
        work.switch(name, "main")
        work.commit(name, {name: b"1\n"})
    work.switch("main")
    work.commit("on", {"f": b"2\n"})
    script = 'printf "%s\\n" "$1"; test ! -e bad'
    run(place / "repo", validation__test_command=["sh", "-c", script, "sh", f"{MARKUP} \033[31mred"])
    file = place / "report.html"
    file.write_text(facade.write_up(request(place / "repo"), form=facade.ReportFormat.HTML), encoding="utf-8")
    return file.as_uri()


def test_checks_with_what_they_wrote(watched: Watched, checked_address: str) -> None:
    page = watched.page
    page.goto(checked_address)
    page.get_by_role("link", name="Checks").click()
    assert rows(page) == ["failed", "passed"]
    page.locator("details summary").click()
    expect(page.locator("details pre")).to_contain_text(f"{MARKUP} red")
    page.get_by_role("region", name="Table").get_by_role("link", name="bad").click()
    expect(page.locator("main")).to_contain_text("exit 1")
    assert page.locator("main img").count() == 0


def test_house_rules_in_the_report_of_a_run(watched: Watched, tmp_path: Path) -> None:
    work = branch_with(tmp_path, {}, {"m.py": b"eval(x)\n", f"{MARKUP}.py": b"exec(x)\n"})
    run(work.path, rules__packs=["python"], rules__refuse="never")
    file = tmp_path / "report.html"
    file.write_text(facade.write_up(request(work.path), form=facade.ReportFormat.HTML), encoding="utf-8")
    page = watched.page
    page.goto(file.as_uri())
    page.get_by_role("link", name="House rules").click()
    expect(page.locator("tbody")).to_contain_text("m.py:1: eval() runs text as code")
    page.get_by_role("link", name="topic").first.click()
    expect(page.locator("h3").filter(has_text="House rules")).to_have_count(1)
    expect(page.locator("main")).to_contain_text("partially compliant, score")
    assert page.locator("main img").count() == 0


def test_the_report_of_a_push(watched: Watched, tmp_path: Path) -> None:
    """No branch was aligned: the page opens with what became of each remote branch."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b"1\n"})
    work.switch("topic", "main")
    work.commit("topic", {"g": b"1\n"})
    work.switch("main")
    work.git("clone", "-q", "--bare", ".", str(tmp_path / "remote.git"))
    work.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    work.git("fetch", "-q", "origin")
    work.commit("on", {"f": b"2\n"})
    work.git("push", "-q", "origin", "main")
    run(work.path)
    done = facade.push(request(work.path), permit=Permit(plan_id="*", push=True))
    assert done is not None
    file = tmp_path / "report.html"
    file.write_text(facade.write_up(request(work.path), done.run.id, form=facade.ReportFormat.HTML), encoding="utf-8")
    watched.page.goto(file.as_uri())
    expect(watched.page.locator("tbody tr")).to_have_count(1)
    expect(watched.page.locator("tbody tr")).to_contain_text("origin/topic")
    expect(watched.page.locator("tbody tr")).to_contain_text("pushed")


def test_a_forecast_shows_its_clash_map_without_scripts(browser: Browser, address: str) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(address)
        expect(page.get_by_role("img", name="Clash map: 5 branches, 4 pairs of them clash")).to_be_visible()
        assert page.locator("svg img").count() == 0
