"""Pages of schedules and credentials: made, switched off and on, removed; what a credential holds is never shown."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from gitalign.core.accounts import Role
from gitalign.core.schedules import NEVER
from gitalign.errors import NotFound, UserError
from gitalign.service.application import create_app
from gitalign.service.credentials import KEYS_VARIABLE, new_key
from gitalign.service.working.clock import Clock
from gitalign.store.service import schema
from gitalign.store.service.credentials import Credentials
from gitalign.store.service.schedules import Schedules
from tests.documents.strict import validate
from tests.service.serving import Served, served

_PAGE = "/repositories/shop/schedules"
_SAME = {"Sec-Fetch-Site": "same-origin"}
_SECRET = "correct horse"


@pytest.fixture
def server(empty_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setenv(KEYS_VARIABLE, new_key())
    file = Path(shutil.copyfile(empty_database, tmp_path / "service.db"))
    with served(create_app({"database": {"file": file}, "work": {"workers": 0}})) as running:
        folder = tmp_path / "mirrors"
        running.service.repositories.add_address("shop", "https://git.example.org/shop.git", folder=folder, actor="ada")
        yield running


def press(client: httpx.Client, page: str, words: str, status: int = 303) -> httpx.Response:
    """Press the button of a form without fields."""
    form = re.search(rf'action="([^"]*)"><button[^>]*>{words}', client.get(page).text)
    assert form is not None, words
    answer = client.post(form[1], headers=_SAME)
    assert answer.status_code == status, answer.text
    return answer


def test_a_schedule_from_its_form_to_its_end(server: Served) -> None:
    schedules = Schedules(server.service.database)
    clock = Clock(server.service.database, most_open=50, wake=lambda: None)
    with server.client(Role.LANDER) as lander:
        assert "No schedule" in lander.get(_PAGE).text
        wrong = lander.post(_PAGE, data={"kind": "run", "cron": "every day at six"}, headers=_SAME)
        assert (wrong.status_code, 'role="alert"' in wrong.text) == (400, True)
        fields = {"kind": "run", "cron": "* * * * *", "zone": "Europe/Berlin", "only": "feature/* fix/*", "push": "true",
                  "quiet": "22:00-06:00"}  # fmt: skip
        assert lander.post(_PAGE, data=fields, headers=_SAME).status_code == 303
        (made,) = schedules.of("shop")
        assert (made.zone, made.quiet, made.params) == (
            "Europe/Berlin", "22:00-06:00", {"only": ["feature/*", "fix/*"], "push": True},
        )  # fmt: skip
        page = lander.get(_PAGE).text
        assert all(one in page for one in ("* * * * *", "feature/* fix/*", "run, pushes", "never"))

        press(lander, _PAGE, "Switch off")
        (off,) = schedules.of("shop")
        assert (off.next_at, off.disabled_at is not None) == (NEVER, True), "an older server waits as well"
        assert "switched off since" in lander.get(_PAGE).text
        assert clock.look() == 0
        press(lander, _PAGE, "Switch on")
        (on,) = schedules.of("shop")
        assert (on.disabled_at, on.next_at > datetime.now(UTC), on.next_at < NEVER) == (None, True, True)

        with server.service.database.writing() as connection:
            connection.execute(schema.schedules.update().values(next_at=1))
        assert clock.look() == 1
        (due,) = schedules.of("shop")
        assert f'href="/jobs/{due.last_job}"' in lander.get(_PAGE).text
        with server.client(Role.OPERATOR) as operator:
            page = operator.get(_PAGE).text
            assert ("* * * * *" in page, "<button>Switch" in page, "Add a schedule" in page) == (True, False, False)
        press(lander, _PAGE, "Remove")
        assert schedules.of("shop") == ()


def test_schedules_are_switched_over_http(server: Served) -> None:
    base = "/api/v1/repositories/shop/schedules"
    with server.client(Role.LANDER) as lander:
        (made,) = lander.post(base, json={"kind": "forecast", "cron": "0 6 * * *"}).json()["schedules"]
        for _ in "ab":
            answer = lander.post(f"{base}/{made['id']}/disable")
            assert validate(answer.json()) == "schedules"
            assert answer.json()["schedules"][0]["disabled_at"]
        (on,) = lander.post(f"{base}/{made['id']}/enable").json()["schedules"]
        assert (on["disabled_at"], on["next_at"]) == (None, made["next_at"])
        assert lander.post(f"{base}/none/disable").json()["code"] == "unknown_schedule"
        actions = [one.action for one in server.service.audit.newest(9)]
        assert actions.count("schedule.disable") == 1, "what changes nothing is not written down"


def test_a_credential_is_given_used_switched_off_and_removed(server: Served) -> None:
    known = Credentials(server.service.database)
    with server.client(Role.ADMIN) as admin, server.client(Role.LANDER) as lander:
        assert lander.get("/credentials").status_code == 403
        fields = {"of": "shop", "kind": "basic", "username": "robot", "secret": _SECRET}
        refused = admin.post("/credentials", data={**fields, "kind": "ssh"}, headers=_SAME)
        assert (refused.status_code, _SECRET in refused.text, 'role="alert"' in refused.text) == (400, False, True)
        unread = admin.post("/credentials", data={**fields, "kind": "gpg"}, headers=_SAME)
        assert (unread.status_code, _SECRET in unread.text) == (422, False)
        assert admin.post("/credentials", data=fields, headers=_SAME).status_code == 303
        page = admin.get("/credentials").text
        assert ("never" in page, _SECRET in page, "robot" in page) == (True, False, False)
        assert known.use(1) is not None
        assert known.known()[0].last_used_at is not None
        press(admin, "/credentials", "Switch off")
        with pytest.raises(UserError, match="switched off"):
            known.use(1)
        press(admin, "/credentials", "Switch on")
        assert known.use(1) is not None
        press(admin, "/credentials", "Remove")
        assert (known.use(1), known.known()) == (None, ())
        with pytest.raises(NotFound):
            known.switch("shop", on=False, actor="ada")
        assert _SECRET not in admin.get("/audit").text
