"""People, tokens, and the account of who asks."""

from __future__ import annotations

from typing import Unpack

from gitalign.client.bodies import AddingToken, AddingUser, ChangingUser
from gitalign.client.operation import Ask, nothing, operation
from gitalign.documents.models.service import AccountDocument, TokensDocument, UsersDocument


class People:
    """For administrators, but for the own account."""

    @operation("GET /api/v1/users")
    def users(self, *, removed: bool = False) -> Ask[UsersDocument]:
        """People by name; with `removed` also those who were removed."""
        return Ask(params={"removed": removed})

    @operation("GET /api/v1/users/{user}")
    def user(self, user: str) -> Ask[UsersDocument]:
        """One person."""
        return Ask()

    @operation("POST /api/v1/users")
    def add_user(self, name: str, *, key: str | None = None, **more: Unpack[AddingUser]) -> Ask[UsersDocument]:
        """Add a person."""
        return Ask(body={"name": name, **more})

    @operation("PATCH /api/v1/users/{user}")
    def change_user(self, user: str, **changes: Unpack[ChangingUser]) -> Ask[UsersDocument]:
        """Change role or repositories, disable or enable; at once."""
        return Ask(body=changes)

    @operation("PUT /api/v1/users/{user}/password")
    def set_password(self, user: str, password: str) -> Ask[None]:
        """Set a password; every session of the person ends."""
        return Ask(body={"password": password}, read=nothing)

    @operation("DELETE /api/v1/users/{user}")
    def remove_user(self, user: str) -> Ask[None]:
        """Remove a person for good; the name stays taken."""
        return Ask(read=nothing)

    @operation("GET /api/v1/tokens")
    def tokens(self) -> Ask[TokensDocument]:
        """Every token, oldest first, without its secret."""
        return Ask()

    @operation("POST /api/v1/tokens")
    def add_token(self, name: str, *, key: str | None = None, **more: Unpack[AddingToken]) -> Ask[TokensDocument]:
        """Make a token that belongs to no person. It is in this answer alone; the same key gets it again for a day."""
        return Ask(body={"name": name, **more})

    @operation("POST /api/v1/token-exchanges")
    def exchange_token(self, token: str, *, key: str | None = None) -> Ask[TokensDocument]:
        """Exchange the ID token of a run of a CI for a token that ends soon; it is in this answer alone."""
        return Ask(body={"token": token})

    @operation("DELETE /api/v1/tokens/{token}")
    def revoke_token(self, token: str) -> Ask[None]:
        """End a token by its id, and the sessions that began with it."""
        return Ask(read=nothing)

    @operation("GET /api/v1/account")
    def account(self) -> Ask[AccountDocument]:
        """Who asks, with the browsers that are signed in and the personal tokens."""
        return Ask()

    @operation("POST /api/v1/account/password")
    def change_password(self, old: str, new: str, *, key: str | None = None) -> Ask[None]:
        """Change the own password; refused for a token, which has none."""
        return Ask(body={"old": old, "new": new}, read=nothing)

    @operation("POST /api/v1/account/tokens")
    def add_own_token(self, name: str, *, key: str | None = None, **more: Unpack[AddingToken]) -> Ask[TokensDocument]:
        """Make a personal token; refused for who asks with a token."""
        return Ask(body={"name": name, **more})

    @operation("DELETE /api/v1/account/tokens/{token}")
    def end_own_token(self, token: str) -> Ask[None]:
        """End a personal token."""
        return Ask(read=nothing)

    @operation("DELETE /api/v1/account/sessions/{session}")
    def end_own_session(self, session: str) -> Ask[None]:
        """Sign a browser of one's own out."""
        return Ask(read=nothing)
