"""The section `pages` of the settings of the service."""

from __future__ import annotations

from gitalign.configuration.section import Section


class PageSettings(Section):
    """What pages show to whom.

    Attributes:
        public_badges: repositories whose badge is shown without an account; `*` for all.
    """

    public_badges: tuple[str, ...] = ()

    def has_public_badge(self, repository: str) -> bool:
        """True when anybody may see the badge of a repository, and so that there is such a repository."""
        return "*" in self.public_badges or repository in self.public_badges
