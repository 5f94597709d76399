"""What routes of pages share: who may see them, errors that are pages, the way from a form to the page of its job."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Form, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from gitalign.core.accounts import Actor, Role
from gitalign.errors import GitAlignError, UserError
from gitalign.service.access import Needs
from gitalign.service.problems import NotSignedIn, error_page, faults_of, status_of

Viewer = Annotated[Actor, Depends(Needs(Role.VIEWER))]
Operator = Annotated[Actor, Depends(Needs(Role.OPERATOR))]
Lander = Annotated[Actor, Depends(Needs(Role.LANDER))]
Key = Annotated[str, Form(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class PageRoute(APIRoute):
    """A route whose errors are pages, too; without a session it leads to the page to sign in."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See `APIRoute`."""
        handler = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handler(request)
            except NotSignedIn:
                back = request.url.path if request.method == "GET" else "/"
                return RedirectResponse(f"/sign-in?{urlencode({'next': back})}", status_code=303)
            except GitAlignError as error:
                return error_page(request, error, status_of(error))
            except RequestValidationError as error:
                fault = UserError("; ".join(faults_of(error)), hint="go back, correct it, and send the form again")
                return error_page(request, fault, HTTPStatus.UNPROCESSABLE_ENTITY)
            except HTTPException as error:
                return error_page(request, UserError(str(error.detail)), HTTPStatus(error.status_code))

        return handled


def led_to(response: Response) -> Response:
    """From the answer of the API to the page of the job."""
    place = response.headers["Location"].removeprefix("/api/v1")
    return RedirectResponse(place, status_code=303)
