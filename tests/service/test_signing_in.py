"""Who gets in, who does not, and what another site or another address can do about it."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from gitalign.core.accounts import Role
from gitalign.errors import UserError
from gitalign.service.administration import new_token, sign_in_link
from gitalign.service.passwords import Passwords, require_good
from gitalign.service.people import new_user
from gitalign.service.problems import TooOften
from gitalign.service.settings import Bounds, settings_of
from gitalign.service.throttle import Failures, Throttle
from tests.service.people import PASSWORD, sign_in, visiting, with_people
from tests.service.serving import Served
from tests.service.test_api import routes


@pytest.fixture(scope="module")
def server(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    file = Path(shutil.copyfile(empty_database, tmp_path_factory.mktemp("people-db") / "service.db"))
    with with_people(file) as running:
        new_user(running.service.database, "invited", role=Role.ADMIN, password=None, actor="test")
        yield running


@pytest.fixture
def browser(server: Served) -> Iterator[httpx.Client]:
    with visiting(server) as client:
        yield client


class TestPasswords:
    def test_signing_in_and_out(self, server: Served, browser: httpx.Client) -> None:
        asked = browser.get("/jobs")
        assert asked.headers["Location"] == "/sign-in?next=%2Fjobs"
        answer = sign_in(browser, " Ada ")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/jobs")
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("__Host-gitalign=")
        for part in ("Secure", "HttpOnly", "SameSite=lax", "Path=/"):
            assert part in cookie
        assert "Domain" not in cookie
        assert "ada (admin)" in browser.get("/jobs").text
        before = browser.headers["Cookie"]
        assert sign_in(browser).status_code == 303
        assert browser.headers["Cookie"] != before, "a sign-in makes a new session"
        after, browser.headers["Cookie"] = browser.headers["Cookie"], before
        assert browser.get("/jobs").status_code == 303, "and ends the one before"
        browser.headers["Cookie"] = after
        assert browser.post("/sign-out").status_code == 303
        assert browser.get("/jobs").status_code == 303

    @pytest.mark.parametrize(
        ("name", "password"),
        [("ada", "wrong"), ("nobody", PASSWORD), ("invited", PASSWORD), ("", ""), ("ada", "x" * 1_999), ("a\0b", "x")],
    )
    def test_what_is_not_right(self, browser: httpx.Client, name: str, password: str) -> None:
        answer = sign_in(browser, name, password)
        assert (answer.status_code, "Name or password is not right." in answer.text) == (403, True)
        assert "Set-Cookie" not in answer.headers
        assert password not in answer.text or len(password) < 2

    def test_a_disabled_person_is_out_at_once(self, server: Served, browser: httpx.Client) -> None:
        new_user(server.service.database, "bo", role=Role.VIEWER, password=PASSWORD, actor="test")
        assert sign_in(browser, "bo").status_code == 303
        server.service.users.disable("bo", actor="test")
        assert browser.get("/jobs").status_code == 303
        assert sign_in(browser, "bo").status_code == 403
        server.service.users.enable("bo", actor="test")
        assert sign_in(browser, "bo").status_code == 303

    def test_an_unknown_name_takes_as_long(self) -> None:
        """In processor time: the clock on the wall would see the load of the machine, too."""
        passwords = Passwords()
        hashed = passwords.hashed(PASSWORD)
        took: dict[str | None, float] = {}
        for kept in (hashed, None):
            started = time.process_time()
            assert not any(passwords.is_right(kept, "wrong") for _ in range(4))
            took[kept] = time.process_time() - started
        assert 0.5 < took[None] / took[hashed] < 2
        assert passwords.is_right(hashed, PASSWORD)
        assert not passwords.is_outdated(hashed)
        assert not passwords.is_right("no hash", PASSWORD)

    def test_what_may_be_a_password(self) -> None:
        for bad in ("short", "x" * 257, "aaaaaaaaaaaaaa", "ada-ada-ada-ada", "\ufb03" * 256):
            with pytest.raises(UserError):
                require_good(bad, name="ada")
        passwords = Passwords()
        hashed = passwords.hashed(require_good("Zürich und Genève", name="ada"))
        assert passwords.is_right(hashed, "Zu\u0308rich und Gene\u0300ve"), "however the keyboard composes it"

    def test_an_outdated_hash_is_made_again(self, server: Served, browser: httpx.Client) -> None:
        from argon2 import PasswordHasher

        weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
        server.service.users.set_password("ada", weak, actor="test")
        assert sign_in(browser).status_code == 303
        kept = server.service.users.password_of("ada")
        assert kept not in (None, weak)
        assert sign_in(browser).status_code == 303


class TestThrottle:
    def test_one_address_does_not_lock_out_another(self, browser: httpx.Client) -> None:
        codes = [sign_in(browser, "someone", "x").status_code for _ in range(4)]
        assert codes == [403, 403, 403, 429]
        forged = {"X-Forwarded-For": f"203.0.113.9, {browser.headers['X-Forwarded-For']}"}
        assert sign_in(browser, "someone", "x", **forged).status_code == 429, "what a client writes does not count"
        by_two_proxies = {"X-Forwarded-For": f"{browser.headers['X-Forwarded-For']}, 10.1.1.1"}
        assert sign_in(browser, "someone", "x", **by_two_proxies).status_code == 429
        answer = browser.get("/sign-in/nothing")
        assert (answer.status_code, "wait a minute" in answer.text) == (429, True)
        other = {"X-Forwarded-For": "198.51.100.7"}
        assert sign_in(browser, **other).status_code == 303

    def test_one_name_is_not_guessed_from_many_addresses(self, server: Served, browser: httpx.Client) -> None:
        assert sign_in(browser).status_code == 303  # ada sits here
        home = browser.headers["X-Forwarded-For"]
        for number in range(12):
            assert sign_in(browser, password="x", **{"X-Forwarded-For": f"203.0.113.{number}"}).status_code == 403
        elsewhere = {"X-Forwarded-For": "203.0.113.50"}
        assert sign_in(browser, **elsewhere).status_code == 429
        assert sign_in(browser, **{"X-Forwarded-For": home}).status_code == 303, "guessing does not keep ada out"

    def test_attempts_at_the_same_time_count(self) -> None:
        throttle = Throttle(Bounds(sign_ins_per_minute=2))
        with throttle.trying("192.0.2.1"), throttle.trying("192.0.2.1"):
            with pytest.raises(TooOften), throttle.trying("192.0.2.1"):
                pass
            with throttle.trying("192.0.2.2"):
                pass

    def test_what_succeeds_does_not_count(self) -> None:
        throttle = Throttle(Bounds(sign_ins_per_minute=1))
        for _ in range(5):
            with throttle.trying("2001:db8::1", name="ada") as attempt:
                attempt.has_succeeded = True
        with throttle.trying("2001:db8::1", name="ada"):
            pass
        with pytest.raises(TooOften), throttle.trying("2001:db8::ffff", name="bo"):
            pass  # a network of 64 bits is one address

    def test_time_and_memory(self) -> None:
        now = 0.0
        failures = Failures(2, clock=lambda: now)
        assert [failures.begin("a") is not None for _ in range(3)] == [True, True, False]
        now = 61.0
        assert failures.begin("a") is not None
        many = Failures(2)
        for number in range(40_000):
            many.begin(str(number))
        assert len(many._at) <= 1 << 14, "whatever is sent"


class TestOtherSites:
    def test_no_unsafe_route_takes_what_another_site_sends(self, server: Served, browser: httpx.Client) -> None:
        assert sign_in(browser).status_code == 303
        unsafe = [(method, path) for method, path, _ in routes(server) if method not in ("GET", "HEAD", "OPTIONS")]
        assert len(unsafe) > 15
        del browser.headers["Sec-Fetch-Site"]
        for method, path in unsafe:
            address = re.sub(r"\{[^}]*\}", "none", path)
            for headers in (
                {"Sec-Fetch-Site": "cross-site"},
                {"Sec-Fetch-Site": "same-site"},
                {"Origin": "https://evil.example"},
                {"Origin": "null"},
                {"Origin": "http://[half"},
                {"Sec-Fetch-Site": "cross-site", "Origin": server.address},
            ):
                answer = browser.request(method, address, headers=headers)
                assert (answer.status_code, "another site" in answer.text) == (403, True), (method, path, headers)

    def test_a_program_without_a_browser_needs_neither(self, server: Served) -> None:
        with server.client(Role.OPERATOR) as client:
            assert client.post("/api/v1/repositories/none/plans", json={}).status_code == 404
            headers = {"Sec-Fetch-Site": "cross-site"}  # of an origin that the operator named
            assert client.post("/api/v1/repositories/none/plans", json={}, headers=headers).status_code == 404


class TestErrorsOfPages:
    @pytest.mark.parametrize(
        ("ask", "status"),
        [
            (lambda client: client.get("/nothing"), 404),
            (lambda client: client.put("/jobs"), 405),
            (lambda client: client.post("/sign-in", data={"name": "x" * 3_000}), 422),
            (lambda client: client.post("/sign-in", data={"name": "x" * 2_000_000}), 413),
            (lambda client: client.get("/repositories/none"), 404),
            (lambda client: client.post("/jobs/none/stop"), 404),
        ],
    )
    def test_they_are_pages(
        self, browser: httpx.Client, ask: Callable[[httpx.Client], httpx.Response], status: int
    ) -> None:
        assert sign_in(browser).status_code == 303
        answer = ask(browser)
        assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
        assert 'href="/"' in answer.text, "there is a way on"
        assert "x" * 3_000 not in answer.text

    def test_of_the_api_they_are_problems(self, browser: httpx.Client) -> None:
        answer = browser.get("/api/v1/nothing")
        assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")


def test_a_link_of_a_token_signs_in(server: Served, browser: httpx.Client) -> None:
    token, _ = new_token(server.service.database, "visitor", role=Role.VIEWER)
    link = sign_in_link(server.service.database, token, address="")
    assert browser.get(link).status_code == 303
    assert browser.get(link).status_code == 403


def test_proxies_are_named() -> None:
    for everybody in ("0.0.0.0/0", "::/0", "*"):
        with pytest.raises(Exception, match="trusted_proxies"):
            settings_of({"server": {"trusted_proxies": [everybody]}}, whole="x")
