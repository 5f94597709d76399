"""The pages of people, tokens, the audit trail and the own account, in a browser without scripts."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from gitalign.core.accounts import Role
from tests.service.people import PASSWORD, sign_in, visiting, with_people
from tests.service.serving import Served

NEW = "another four words"


@pytest.fixture(scope="module")
def server(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    file = Path(shutil.copyfile(empty_database, tmp_path_factory.mktemp("people-pages") / "service.db"))
    with with_people(file, server={}) as running:
        for name in ("shop", "lab"):
            running.service.repositories.add(name, f"/srv/{name}", actor="test")
        yield running


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context(java_script_enabled=False, viewport={"width": 1000, "height": 900}) as opened:
        yield opened


def signed_in(context: BrowserContext, server: Served, name: str = "ada", password: str = PASSWORD) -> Page:
    page = context.new_page()
    page.goto(f"{server.address}/account")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    return page


def test_people_from_the_first_to_the_last(server: Served, context: BrowserContext, browser: Browser) -> None:
    page = signed_in(context, server)
    expect(page.get_by_role("heading", level=1)).to_have_text("ada")
    page.get_by_role("link", name="People").click()
    page.get_by_label("Name, to sign in with").fill("bo")
    page.get_by_label("First password").fill("aaaaaaaaaaaaaa")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("alert")).to_contain_text("easy to guess")
    page.get_by_label("Name, to sign in with").fill("bo")
    page.get_by_label("First password").fill(PASSWORD)
    page.get_by_label("all, also later ones").uncheck()
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("alert")).to_contain_text("no repository is chosen")
    page.get_by_label("Name, to sign in with").fill("bo")
    page.get_by_label("First password").fill(PASSWORD)
    page.get_by_label("all, also later ones").uncheck()
    page.get_by_label("shop").check()
    page.get_by_role("button", name="Add").click()
    page.get_by_role("link", name="bo").click()
    expect(page.locator("dl")).to_contain_text("shop")

    with browser.new_context(java_script_enabled=False) as elsewhere:
        other = signed_in(elsewhere, server, "bo")
        expect(other.get_by_role("heading", level=1)).to_have_text("bo")
        assert other.get_by_role("link", name="People").count() == 0
        assert other.goto(f"{server.address}/people").status == 403  # type: ignore[union-attr]
        page.get_by_label("Role").select_option("operator")
        page.get_by_role("button", name="Change", exact=True).click()
        other.goto(f"{server.address}/account")
        expect(other.locator("header")).to_contain_text("bo (operator)")
        page.get_by_role("button", name="Disable").click()
        other.goto(f"{server.address}/account")
        expect(other.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.get_by_role("button", name="Enable").click()
    page.get_by_text("Remove for good").click()
    page.get_by_role("button", name="Remove bo").click()
    expect(page.get_by_role("table", name="People")).not_to_contain_text("bo")
    page.get_by_role("link", name="ada", exact=True).click()
    page.get_by_role("button", name="Disable").click()
    expect(page.get_by_role("alert")).to_contain_text("last person who manages people")


def test_the_own_account(server: Served, context: BrowserContext, browser: Browser) -> None:
    page = signed_in(context, server)
    page.get_by_label("Name", exact=True).fill("laptop")
    page.get_by_role("button", name="Make a token").click()
    text = page.locator("#token").inner_text()
    assert re.fullmatch("gal_[a-z2-7]{39}", text)
    headers = {"Authorization": f"Bearer {text}"}
    assert httpx.get(f"{server.address}/api/v1/account", headers=headers).json()["user"]["name"] == "ada"
    page.get_by_role("link", name="Go on").click()
    assert text not in page.content()
    page.get_by_role("button", name="Revoke laptop").click()
    assert httpx.get(f"{server.address}/api/v1/account", headers=headers).status_code == 401

    with browser.new_context(java_script_enabled=False, user_agent="Another") as elsewhere:
        other = signed_in(elsewhere, server)
        page.reload()
        page.get_by_role("row", name="Another").get_by_role("button").click()
        other.reload()
        expect(other.get_by_role("heading", level=1)).to_have_text("Sign in")

    def change(old: str, new: str, again: str) -> None:
        page.get_by_label("Password until now").fill(old)
        page.get_by_label("New password, 12 characters or more").fill(new)
        page.get_by_label("New password again").fill(again)
        page.get_by_role("button", name="Change the password").click()

    change(PASSWORD, NEW, f"{NEW}!")
    expect(page.get_by_role("alert")).to_contain_text("differ")
    change("wrong wrong wrong", NEW, NEW)
    expect(page.get_by_role("alert")).to_contain_text("old password is not right")
    change(PASSWORD, NEW, NEW)
    expect(page.get_by_role("status")).to_contain_text("is changed")
    change(NEW, PASSWORD, PASSWORD)
    expect(page.get_by_role("status")).to_contain_text("is changed")
    page.get_by_role("button", name="Sign out", exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_tokens_and_the_audit_trail(server: Served, context: BrowserContext) -> None:
    page = signed_in(context, server)
    page.get_by_role("link", name="Tokens").click()
    page.get_by_label("Name of the program").fill("ci")
    page.get_by_label("Role").select_option("lander")
    page.get_by_role("button", name="Make a token").click()
    said = page.locator("#token").inner_text()
    page.get_by_role("link", name="Go on").click()
    assert server.service.accounts.holder(said) is not None
    page.get_by_role("button", name="Revoke ci").click()
    assert server.service.accounts.holder(said) is None

    page.get_by_role("link", name="Audit").click()
    page.get_by_label("Act").fill("token.revoke")
    page.get_by_role("button", name="Show").click()
    rows = page.get_by_role("table").get_by_role("row")
    expect(rows.nth(1)).to_contain_text("token.revoke")
    page.get_by_role("button", name="Verify the whole trail").click()
    head = page.get_by_role("status").locator("code").inner_text()
    page.get_by_label("Head noted earlier").fill("1" * 64)
    page.get_by_role("button", name="Verify the whole trail").click()
    expect(page.get_by_role("alert")).to_contain_text("noted head")
    page.get_by_label("Head noted earlier").fill(head)
    page.get_by_role("button", name="Verify the whole trail").click()
    expect(page.get_by_role("status")).to_contain_text("Whole")
    assert said not in page.content()


def test_settings_hide_what_may_be_a_secret(server: Served, tmp_path: Path, empty_database: Path) -> None:
    file = Path(shutil.copyfile(empty_database, tmp_path / "service.db"))
    tls = {"certificate": "/c.pem", "key": "/planted-key.pem"}
    with (
        with_people(file, server={"trusted_proxies": ["127.0.0.1"], "names": ["align.example.org"]}) as running,
        visiting(running) as client,
    ):
        assert sign_in(client).status_code == 303
        text = client.get("/settings").text
        assert "align.example.org" in text
        assert "idle_hours" in text
    from gitalign.service.pages.audit_page import _flat

    assert dict(_flat({"tls": tls})) == {"tls.certificate": "/c.pem", "tls.key": "is set"}
    with server.client(Role.LANDER) as other:
        assert other.get("/settings").status_code == 403
