"""Who may do what: every route names the role it needs here, and nowhere else is a role looked at."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import HTTPConnection, Request

from gitalign.core.accounts import Actor, Role
from gitalign.service.problems import NotAllowed, NotSignedIn
from gitalign.service.state import Service, service_of
from gitalign.store.service.rows import unknown_project, unknown_repository

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Needs:
    """A dependency: who sent the request, with a role that suffices, and sees the repository in the path.

    A project in the path is a repository by its id; the routes find its name under `repository`.

    Args:
        role: that is needed.
        everywhere: all repositories are concerned, so a token for some of them does not suffice.
    """

    def __init__(self, role: Role, *, everywhere: bool = False) -> None:
        self.role = role
        self.everywhere = everywhere

    def __call__(self, request: Request) -> Actor:
        """The actor.

        Raises:
            NotSignedIn, NotAllowed, NotFound, TooOften
        """
        service = service_of(request)
        actor = holder_of(request, service)
        if actor is None:
            raise NotSignedIn("a token is needed", hint="sign in, or git align token create")
        request.state.sees_places = actor.may(Role.ADMIN)  # read by the door; without it, an answer is for anybody
        service.throttle.count_request(actor.id)
        require_role(actor, self.role)
        if self.everywhere and actor.only_these is not None:
            raise NotAllowed("this needs an account for all repositories")
        project = request.path_params.get("project")
        if project is not None:
            found = service.repositories.of_project(project)
            if not actor.sees(found.name):
                raise unknown_project(project)
            request.path_params["repository"] = found.name
        repository = request.path_params.get("repository")
        if repository is not None:
            require_seen(actor, repository)
        return actor


def require_role(actor: Actor, role: Role) -> None:
    """Refuse who has neither that role nor one that includes it.

    Raises:
        NotAllowed
    """
    if not actor.may(role):
        raise NotAllowed(f"the role {role} is needed; {actor.name} has {actor.role}")


def require_seen(actor: Actor, repository: str) -> None:
    """Refuse a repository that the actor may not see, in the words for one that is not there.

    Raises:
        NotFound
    """
    if not actor.sees(repository):
        raise unknown_repository(repository)


def holder_of(request: Request, service: Service) -> Actor | None:
    """Who holds the token or the session of a request; None when it has neither.

    Raises:
        NotSignedIn: it has one that is not valid.
    """
    header = request.headers.get("Authorization")
    if header is not None:
        scheme, _, text = header.partition(" ")
        actor = service.accounts.holder(text.strip()) if scheme.lower() == "bearer" else None
        if actor is None:
            raise NotSignedIn("this token is not valid", hint="git align token list")
        return actor
    session = request.cookies.get(cookie_name(service))
    return None if session is None else service.sessions.actor(session, service.settings.limits.sessions())


def require_same_site(request: Request) -> None:
    """Refuse what another site made a browser send: a dependency of every route.

    A request with a token in its header does not come from a form: a browser lets no other site set that header, unless the
    operator named its origin. Browsers say where a request comes from (`Sec-Fetch-Site`); older ones say at least `Origin`. A request with neither does
    not come from a browser.

    Raises:
        NotAllowed
    """
    if request.method in SAFE or "Authorization" in request.headers:
        return
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        if site in ("same-origin", "none"):
            return
        raise NotAllowed("another site sent this request", code="cross_site")
    origin = request.headers.get("Origin")
    if origin is not None and _place_of(origin) != request.headers.get("Host"):
        raise NotAllowed("another site sent this request", code="cross_site")


def _place_of(origin: str) -> str | None:
    """Host and port of an Origin header; None where it is none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def cookie_name(service: Service) -> str:
    """The name of the session's cookie; with TLS a name that no other host can set."""
    return "__Host-gitalign" if service.settings.server.is_https else "gitalign"


def address_of(connection: HTTPConnection) -> str:
    """Where a request comes from.

    Behind a trusted proxy `uvicorn` has put the newest address of `X-Forwarded-For` here that is no trusted proxy's: what a
    client writes into that header stands before it, and does not count.
    """
    return connection.client.host if connection.client is not None else "unknown"
