"""Photographs forecast and report in Chromium: light and dark, at a desk and on a phone. The pictures of the docs are some of these.

    python bench/pictures.py -o FOLDER                 # the repository of the demo, 12 branches
    python bench/pictures.py -o FOLDER --repo PATH     # any repository (it is copied, never touched)
    python bench/pictures.py --docs --repo PATH        # docs/images; without --repo those of the demo alone

Needs the extra `test` and Chromium. Says which pages were wider than their screen, and how long each took to be painted.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from align import copy
from gitalign import facade
from gitalign.cli.demo.repository import build
from gitalign.core.forecast import Prospect
from gitalign.core.outlook import Outlook
from gitalign.core.plan import Permit
from gitalign.views.forecast import forecast_page
from gitalign.views.forecast_markdown import forecast_markdown

IMAGES = Path(__file__).parents[1] / "docs" / "images"
SCREENS = {"desk": (1280, 900), "phone": (390, 844)}
SCHEMES = ("light", "dark")
_DOCS_HEIGHT = 600


@dataclass(frozen=True)
class Picture:
    """One picture: of which page, what of it, and how.

    Attributes:
        page: `forecast` or `report`.
        part: what stands behind # in the address.
        top: selector of what stands at the upper edge.
        colours: 8 bits of colour are enough for a page, and a third of the size.
    """

    name: str
    page: str
    part: str
    top: str = "body"
    screen: str = "desk"
    scheme: str = "light"


def pages_of(repository: Path, config: Path | None, name: str, as_of: datetime, place: Path) -> Outlook:
    """Write forecast.html, forecast.md and report.html of a repository, which is aligned on the way."""
    request = facade.Request(repo=repository, config_file=config)
    plan = facade.plan(request)
    found = facade.outlook(request, plan=plan, pairs=True)
    (place / "forecast.html").write_text(forecast_page(found, name=name, as_of=as_of), encoding="utf-8")
    (place / "forecast.md").write_text(forecast_markdown(found, name=name, as_of=as_of), encoding="utf-8")
    facade.run(request, permit=Permit(plan_id="*"))
    text = facade.write_up(request, form=facade.ReportFormat.HTML)
    (place / "report.html").write_text(text, encoding="utf-8")
    return found


def addressed(repository: Path, address: str) -> None:
    """Give the remote of a repository this address; nothing is asked of it."""
    subprocess.run(["git", "-C", str(repository), "config", "remote.origin.url", address], check=True)


def views_of(found: Outlook) -> list[Picture]:
    """Every view once, on every screen, in both schemes."""
    stopped = next((one.branch for one in found.forecast.branches if one.prospect is Prospect.CONFLICT), "")
    clashing = next((clash.one for clash in found.forecast.clashes), stopped)
    parts = [
        ("forecast-first", "forecast", "", "body"),
        ("forecast-map", "forecast", "tab=map", ".tiles"),
        ("forecast-branches", "forecast", "tab=branches", ".tiles"),
        ("forecast-people", "forecast", "tab=people", ".tabs"),
        ("forecast-paths", "forecast", "tab=paths", ".tabs"),
        ("forecast-stopped", "forecast", f"branch={stopped}", "body"),
        ("forecast-clashing", "forecast", f"branch={clashing}", "body"),
        ("report-first", "report", "", "body"),
        ("report-branches", "report", "tab=branches", ".tiles"),
        ("report-timeline", "report", "tab=timeline", ".tiles"),
        ("report-stopped", "report", f"branch={stopped}", "body"),
    ]
    return [
        Picture(f"{name}-{screen}-{scheme}", page, part, top, screen, scheme)
        for name, page, part, top in parts
        for screen in SCREENS
        for scheme in SCHEMES
    ]


def take(browser: Browser, place: Path, pictures: list[Picture], folder: Path, *, height: int | None = None) -> None:
    """Write the pictures as PNG."""
    for one in pictures:
        wide, high = SCREENS[one.screen]
        context = browser.new_context(
            viewport={"width": wide, "height": height or high},
            color_scheme="dark" if one.scheme == "dark" else "light",
            is_mobile=one.screen == "phone",
            has_touch=one.screen == "phone",
        )
        page = context.new_page()
        page.goto(f"{(place / f'{one.page}.html').as_uri()}#{one.part}")
        page.wait_for_timeout(300)
        page.evaluate(f"scrollTo(0, document.querySelector({one.top!r}).getBoundingClientRect().top + scrollY - 12)")
        page.wait_for_timeout(100)
        _say(one, page, wide)
        target = folder / f"{one.name}.png"
        page.screenshot(path=target)
        _squeeze(target)
        context.close()


def _say(one: Picture, page: Page, wide: int) -> None:
    painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1")
    extent = page.evaluate("document.documentElement.scrollWidth")
    wrong = f"  WIDER than its screen: {extent}" if extent > wide else ""
    print(f"{one.name:44} painted after {painted:5.0f} ms{wrong}")


def _squeeze(picture: Path) -> None:
    """Fewer colours, where a program for it is there."""
    if shutil.which("pngquant"):
        subprocess.run(["pngquant", "--force", "--ext", ".png", "--quality=70-95", str(picture)], check=False)


def small_ones(found: Outlook) -> list[Picture]:
    """Pictures of the docs, of the repository of the demo."""
    clash = found.forecast.clashes[0]
    return [
        Picture("forecast-first", "forecast", ""),
        Picture("forecast-map", "forecast", "tab=map&undecided=1", ".tiles"),
        Picture("forecast-phone", "forecast", "tab=branches", ".tabs", "phone"),
        Picture("forecast-branch", "forecast", f"branch={clash.one}&with={clash.other}"),
    ]


LARGE_ONES = [
    Picture("forecast-map-large", "forecast", "tab=map", ".tabs", scheme="dark"),
    Picture("report-timeline", "report", "tab=timeline", ".tiles"),
]
"""Pictures of the docs, of a large repository."""


def main() -> int:
    """See above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repo", type=Path, help="a repository; that of the demo when it is left out")
    parser.add_argument("--config", type=Path, help="configuration for it")
    parser.add_argument("--address", help="of its remote, for links")
    parser.add_argument(
        "--as-of", type=lambda text: datetime.fromisoformat(text).replace(tzinfo=UTC), help="count ages to this day"
    )
    parser.add_argument("-o", "--output", type=Path, help="folder for the pictures")
    parser.add_argument("--docs", action="store_true", help="make those of docs/images")
    asked = parser.parse_args()
    if not (asked.docs or asked.output):
        parser.error("give -o FOLDER, or --docs")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        small, large = Path(scratch, "small"), Path(scratch, "large")
        for place in (small, large):
            place.mkdir()
        as_of = asked.as_of or datetime.now(UTC)
        made: Outlook | None = None
        if asked.docs or asked.repo is None:
            work = build(small / "demo", branches=12).remote
            addressed(work, "git@github.com:team/shop.git")
            made = pages_of(work, None, "shop", as_of, small)
        if asked.repo is not None:
            work = large / "repo"
            copy(asked.repo, work)
            if asked.address:
                addressed(work, asked.address)
            found = pages_of(work, asked.config, asked.repo.resolve().parent.name, as_of, large)
            if asked.output:
                take(browser, large, views_of(found), asked.output)
            if asked.docs:
                take(browser, large, LARGE_ONES, IMAGES, height=_DOCS_HEIGHT)
        elif made is not None and asked.output:
            take(browser, small, views_of(made), asked.output)
        if asked.docs and made is not None:
            take(browser, small, small_ones(made), IMAGES, height=_DOCS_HEIGHT)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
