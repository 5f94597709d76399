"""A page in a browser, together with all it complained about and asked for."""

from __future__ import annotations

from playwright.sync_api import Page


class Watched:
    """A page together with all it complained about and asked for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda asked: self.asked.append(asked.url))

    def require_silence(self) -> None:
        """It complained about nothing, asked for nothing but itself, and ran nothing of a repository."""
        assert self.complaints == []
        assert {asked.split("#")[0].split(":")[0] for asked in self.asked} == {"file"}
        assert self.page.evaluate("window.broken") is None
