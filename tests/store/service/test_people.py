"""People, tokens and sessions in SQLite and in PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from gitalign.core.accounts import Actor, Role, SessionBounds, Token, is_well_formed, token_text
from gitalign.errors import Contradiction, NotFound
from gitalign.store.service import schema
from gitalign.store.service.accounts import Accounts
from gitalign.store.service.audit import AuditTrail
from gitalign.store.service.database import ServiceDatabase, open_service_database
from gitalign.store.service.provider_people import admit
from gitalign.store.service.repositories import Repositories
from gitalign.store.service.sessions import Sessions
from gitalign.store.service.users import Users
from gitalign.store.sqlite import Sqlite

HOUR = SessionBounds(absolute_s=3600, idle_s=600)
OVER = SessionBounds(absolute_s=-1, idle_s=600)
SEEN = ("192.0.2.1", "Browser\x1b[31m")


def token_of(database: ServiceDatabase, secret: bytes = b"x" * 20, **more: Any) -> tuple[Token, str]:
    said = token_text(secret)
    given: dict[str, Any] = {"name": "ada", "role": Role.LANDER, "expires_at": None, "repositories": ("*",), **more}
    bare = Token(id=secret.hex()[:8], created_at=datetime.now(UTC), created_by="me", **given)
    return Accounts(database).add(bare, text=said), said


def holder(database: ServiceDatabase, said: str) -> Actor:
    actor = Accounts(database).holder(said)
    assert actor is not None
    return actor


def person(database: ServiceDatabase, name: str = "ada", role: Role = Role.ADMIN, **more: Any) -> Actor:
    Users(database).add(name, role=role, password="hashed", actor="me", **more)
    actor = Users(database).actor(name)
    assert actor is not None
    return actor


def sign_in(database: ServiceDatabase, actor: Actor, secret: str, bounds: SessionBounds = HOUR, **more: Any) -> None:
    Sessions(database).open(actor, secret, bounds, seen=SEEN, **more)


def acts(database: ServiceDatabase) -> list[str]:
    return [entry.action for entry in reversed(AuditTrail(database).newest(50))]


class TestTokens:
    def test_a_token_is_known_by_its_digest_alone(self, database: ServiceDatabase) -> None:
        accounts = Accounts(database)
        Repositories(database).add("shop", "/srv/shop", actor="me")
        token, said = token_of(database, repositories=("shop",))
        assert is_well_formed(said)
        actor = holder(database, said)
        assert (actor.name, actor.role, actor.repositories) == (f"ada ({token.id})", Role.LANDER, ("shop",))
        assert (actor.sees("shop"), actor.sees("lab"), actor.user_id) == (True, False, None)
        assert accounts.all()[0].last_used_at is not None
        with database.reading() as connection:
            assert said not in str(connection.execute(schema.tokens.select()).all())
        assert accounts.holder(token_text(b"y" * 20)) is None
        assert accounts.holder(said[:-1] + ("a" if said[-1] != "a" else "b")) is None

    def test_two_of_one_name_are_told_apart(self, database: ServiceDatabase) -> None:
        one, other = (holder(database, token_of(database, secret)[1]) for secret in (b"x" * 20, b"y" * 20))
        assert one.name != other.name
        long = holder(database, token_of(database, b"z" * 20, name="n" * 100)[1])
        assert len(long.name) <= 100, "as long as the columns are"

    def test_what_is_revoked_or_expired_holds_nothing(self, database: ServiceDatabase) -> None:
        accounts = Accounts(database)
        token, said = token_of(database)
        _, late = token_of(database, b"l" * 20, expires_at=datetime.now(UTC) - timedelta(minutes=5))
        assert accounts.holder(late) is None
        sign_in(database, holder(database, said), "s")
        assert Sessions(database).actor("s", HOUR) is not None
        assert accounts.revoke(token.id, actor="me").revoked_at is not None
        assert accounts.holder(said) is None
        assert Sessions(database).actor("s", HOUR) is None
        assert accounts.revoke(token.id, actor="me").revoked_at is not None
        assert acts(database).count("token.revoke") == 1
        with pytest.raises(NotFound):
            accounts.revoke("none", actor="me")

    def test_a_repository_of_the_same_name_is_another_one(self, database: ServiceDatabase) -> None:
        repositories = Repositories(database)
        repositories.add("shop", "/srv/shop", actor="me")
        _, said = token_of(database, repositories=("shop",))
        ada = person(database, role=Role.LANDER, repositories=("shop",))
        assert ada.sees("shop")
        repositories.remove("shop", actor="me")
        assert holder(database, said).only_these == ()
        repositories.add("shop", "/srv/secret", actor="me")
        assert holder(database, said).only_these == (), "the new one is not what the token was made for"
        assert Users(database).get("ada").repositories == Accounts(database).all()[0].repositories == ()
        with pytest.raises(NotFound):
            token_of(database, b"y" * 20, repositories=("none",))

    def test_a_personal_token_gives_no_more_than_its_person_has(self, database: ServiceDatabase) -> None:
        for name in ("shop", "lab"):
            Repositories(database).add(name, f"/srv/{name}", actor="me")
        users = Users(database)
        users.add("ada", role=Role.LANDER, repositories=("shop",), password="hashed", actor="me")
        _, said = token_of(database, name="laptop", role=Role.ADMIN, user="ada")
        actor = holder(database, said)
        assert (actor.role, actor.repositories) == (Role.LANDER, ("shop",))
        assert actor.name.startswith("ada/laptop (")
        assert actor.user_id == users.get("ada").id
        users.set_role("ada", role=Role.VIEWER, actor="me")
        assert holder(database, said).role is Role.VIEWER
        assert [one.user for one in Accounts(database).of_user("ada")] == ["ada"]
        users.disable("ada", actor="me")
        assert Accounts(database).holder(said) is None
        users.enable("ada", actor="me")
        assert Accounts(database).holder(said) is None, "revoked for good"
        with pytest.raises(NotFound):
            Accounts(database).revoke(Accounts(database).all()[0].id, actor="bo", user="bo")
        users.remove("ada", actor="me")
        assert Accounts(database).holder(said) is None
        assert Accounts(database).all()[0].revoked_at is not None


class TestSessions:
    def test_one_goes_on_until_it_is_over(self, database: ServiceDatabase) -> None:
        sessions, ada = Sessions(database), person(database)
        sign_in(database, ada, "s")
        known = sessions.actor("s", HOUR)
        assert known is not None
        assert (known.id, known.user_id, known.role) == (ada.id, ada.id, Role.ADMIN)
        (listed,) = sessions.listed(ada, HOUR)
        assert (listed.id, listed.address, "\x1b" in listed.agent) == (known.session_id, SEEN[0], False)
        assert Users(database).get("ada").last_sign_in_at is not None
        sign_in(database, ada, "over", OVER)
        assert sessions.actor("over", HOUR) is None
        sessions.close("s")
        assert sessions.actor("s", HOUR) is None
        assert acts(database) == ["user.add", "sign_in", "sign_in", "sign_out"]

    def test_it_ends_when_it_is_idle_and_goes_on_when_it_is_used(self, database: ServiceDatabase) -> None:
        sessions, ada = Sessions(database), person(database)
        sign_in(database, ada, "s")
        for minutes, is_on in ((8, True), (8, True), (11, False)):
            with database.writing() as connection:
                connection.execute(text(f"UPDATE service_sessions SET seen_at = seen_at - {minutes * 60_000}"))
            assert (sessions.actor("s", HOUR) is not None) is is_on
        assert sessions.listed(ada, HOUR) == ()

    def test_a_clock_that_is_put_back_or_forward_lets_no_one_in_for_long(self, database: ServiceDatabase) -> None:
        """Instants are the database's: rows of the time before the step look later, or earlier, than they are."""
        sessions, ada = Sessions(database), person(database)
        sign_in(database, ada, "s")
        step = text(
            "UPDATE service_sessions SET seen_at = seen_at + :ms, created_at = created_at + :ms, expires_at = expires_at + :ms"
        )
        for hours, is_on in ((1, True), (-3, False)):
            with database.writing() as connection:
                connection.execute(step, {"ms": hours * 3_600_000})
            assert (sessions.actor("s", HOUR) is not None) is is_on
        assert sessions.actor("s", SessionBounds(absolute_s=9e9, idle_s=9e9)) is None, (
            "the end was kept with the session"
        )

    def test_a_sign_in_takes_the_place_of_the_session_before(self, database: ServiceDatabase) -> None:
        sessions, ada, bo = Sessions(database), person(database), person(database, "bo")
        sign_in(database, ada, "one")
        sign_in(database, bo, "two", instead_of="one")
        assert sessions.actor("one", HOUR) is None
        assert sessions.listed(ada, HOUR) == ()
        sign_in(database, bo, "three")
        ids = [one.id for one in sessions.listed(bo, HOUR)]
        with pytest.raises(NotFound):
            sessions.end(ada, ids[0])
        sessions.end(bo, ids[0])
        assert len(sessions.listed(bo, HOUR)) == 1

    def test_there_is_a_bound(self, database: ServiceDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("gitalign.store.service.sessions._MOST", 2)
        sessions, ada = Sessions(database), person(database)
        for number in range(3):
            sign_in(database, ada, str(number))
            with database.writing() as connection:
                connection.execute(text("UPDATE service_sessions SET created_at = created_at - 10"))
        assert [sessions.actor(str(number), HOUR) is not None for number in range(3)] == [False, True, True]

    def test_a_link_works_once_and_is_no_session(self, database: ServiceDatabase) -> None:
        sessions = Sessions(database)
        token, said = token_of(database)
        sessions.add_link(token.id, secret="link", hours=1)
        sessions.add_link(token.id, secret="old", hours=-1)
        sign_in(database, holder(database, said), "session")
        assert sessions.actor("link", HOUR) is None
        assert sessions.use_link("session") is None
        assert sessions.use_link("old") is None
        assert sessions.use_link("link") is not None
        assert sessions.use_link("link") is None
        assert len(sessions.listed(holder(database, said), HOUR)) == 1
        with pytest.raises(NotFound):
            sessions.add_link("none", secret="x", hours=1)

    def test_a_changed_password_ends_the_others(self, database: ServiceDatabase) -> None:
        sessions, ada = Sessions(database), person(database)
        _, said = token_of(database, user="ada")
        sign_in(database, ada, "here")
        sign_in(database, ada, "elsewhere")
        sign_in(database, holder(database, said), "by token")
        here = sessions.actor("here", HOUR)
        assert here is not None
        Users(database).set_password("ada", "new", actor="ada", but_session=here.session_id)
        assert [sessions.actor(one, HOUR) is not None for one in ("here", "elsewhere", "by token")] == [
            True, False, False,
        ]  # fmt: skip
        assert Users(database).password_of("ada") == "new"
        Users(database).renew_hash("ada", "another", "stolen")
        assert Users(database).password_of("ada") == "new"


class TestPeople:
    def test_names_are_given_out_once(self, database: ServiceDatabase) -> None:
        users = Users(database)
        person(database)
        person(database, "bo")
        with pytest.raises(Contradiction):
            users.add("ada", role=Role.VIEWER, actor="me")
        users.remove("ada", actor="bo")
        acts: tuple[Callable[[], object], ...] = (
            lambda: users.get("ada"),
            lambda: users.enable("ada", actor="bo"),
        )
        for gone in acts:
            with pytest.raises(NotFound):
                gone()
        with pytest.raises(Contradiction):
            users.add("ada", role=Role.VIEWER, actor="me")
        assert [one.name for one in users.all()] == ["bo"]
        assert [one.name for one in users.all(with_removed=True)] == ["ada", "bo"]

    def test_who_is_disabled_is_out_at_once(self, database: ServiceDatabase) -> None:
        users, sessions = Users(database), Sessions(database)
        ada = person(database, role=Role.VIEWER)
        sign_in(database, ada, "s")
        users.disable("ada", actor="me")
        users.disable("ada", actor="me")
        assert acts(database).count("user.disable") == 1
        assert sessions.actor("s", HOUR) is None
        assert (users.actor("ada"), users.password_of("ada")) == (None, None)
        users.enable("ada", actor="me")
        assert sessions.actor("s", HOUR) is None, "signed in again, not signed in still"
        assert users.password_of("ada") == "hashed"

    def test_the_last_administrator_stays(self, database: ServiceDatabase) -> None:
        users = Users(database)
        Repositories(database).add("shop", "/srv/shop", actor="me")
        person(database)
        person(database, "bo", Role.LANDER)
        person(database, "of-one", repositories=("shop",))
        acts: tuple[Callable[[], object], ...] = (
            lambda: users.remove("ada", actor="ada"),
            lambda: users.disable("ada", actor="ada"),
            lambda: users.set_role("ada", role=Role.LANDER, actor="ada"),
            lambda: users.set_role("ada", repositories=("shop",), actor="ada"),
        )
        for act in acts:
            with pytest.raises(Contradiction, match="last person"):
                act()
        users.set_role("ada", role=Role.ADMIN, actor="ada")
        users.set_role("bo", role=Role.ADMIN, actor="ada")
        users.remove("ada", actor="ada")
        with pytest.raises(Contradiction):
            users.disable("bo", actor="me")
        assert AuditTrail(database).verify().fault == ""

    def test_two_administrators_who_remove_each_other(self, database: ServiceDatabase) -> None:
        for _ in range(3):
            names = [f"p{len(Users(database).all(with_removed=True)) + number}" for number in range(2)]
            for name in names:
                person(database, name)
            for other in Users(database).all():
                if other.name not in names:
                    Users(database).remove(other.name, actor="me")
            assert len(removed_at_once(database, names)) == 1, "one of the two stays"


def removed_at_once(database: ServiceDatabase, names: list[str]) -> list[str]:
    """Remove people from several threads; those that were refused."""
    start, refused = threading.Barrier(len(names)), []

    def remove(name: str) -> None:
        start.wait()
        try:
            Users(database).remove(name, actor="me")
        except Contradiction:
            refused.append(name)

    threads = [threading.Thread(target=remove, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return refused


def test_first_sign_ins_at_the_same_time_make_one_person_each(database: ServiceDatabase) -> None:
    start, names = threading.Barrier(6), []

    def come(subject: str) -> None:
        start.wait()
        actor = admit(database, ("https://id.example.org", subject), name="gil", role=Role.VIEWER)
        names.append(None if actor is None else actor.name)

    threads = [threading.Thread(target=come, args=(subject,)) for subject in ("1", "2") * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names) == 6
    assert len(set(names)) == 2
    assert len(Users(database).all()) == 2
    assert AuditTrail(database).verify().fault == ""


def test_tokens_of_before_are_for_the_repositories_that_have_the_names_now(tmp_path: Path) -> None:
    engine = Sqlite(tmp_path / "old.db").engine()
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        connection.exec_driver_sql("BEGIN")
        command.upgrade(config, "s0005")
        connection.exec_driver_sql(
            "INSERT INTO service_repositories (number, name, path, created_at, id) VALUES (1, 'shop', '/srv', 0, 'abc')"
        )
        for number, names in enumerate(('["shop", "gone"]', '["*"]', '["gone"]')):
            connection.exec_driver_sql(
                "INSERT INTO service_tokens (id, digest, name, role, repositories, created_by, created_at) "
                f"VALUES ('{number}', '{number}', 'n', 'viewer', '{names}', 'me', 0)"
            )
        connection.exec_driver_sql("COMMIT")
    engine.dispose()
    with closing(open_service_database(file=tmp_path / "old.db")) as database:
        assert [one.repositories for one in Accounts(database).all()] == [("shop",), ("*",), ()]


def test_what_failed_left_nothing(database: ServiceDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each act and its entry in the audit trail are one transaction: a process killed in between did neither."""
    ada = person(database)
    person(database, "bo")
    token, _ = token_of(database, user="ada")
    sign_in(database, ada, "s")
    before = acts(database)

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    for module in ("users", "sessions", "accounts"):
        monkeypatch.setattr(f"gitalign.store.service.{module}.write_entry", killed)
    users, sessions = Users(database), Sessions(database)
    (session,) = sessions.listed(ada, HOUR)
    all_of_them: tuple[Callable[[], object], ...] = (
        lambda: users.add("new", role=Role.ADMIN, actor="me"),
        lambda: users.remove("ada", actor="me"),
        lambda: users.disable("ada", actor="me"),
        lambda: users.set_role("ada", role=Role.VIEWER, actor="me"),
        lambda: users.set_password("ada", "other", actor="me"),
        lambda: Accounts(database).revoke(token.id, actor="me"),
        lambda: token_of(database, b"n" * 20),
        lambda: sessions.open(ada, "t", HOUR, seen=SEEN, instead_of="s"),
        lambda: sessions.end(ada, session.id),
        lambda: sessions.close("s"),
    )
    for act in all_of_them:
        with pytest.raises(KeyboardInterrupt):
            act()
    assert acts(database) == before
    assert sessions.actor("s", HOUR) is not None
    assert (users.get("ada").role, users.password_of("ada")) == (Role.ADMIN, "hashed")
    assert [one.revoked_at for one in Accounts(database).all()] == [None]
    assert [one.name for one in users.all()] == ["ada", "bo"]
