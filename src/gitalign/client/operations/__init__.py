"""Every operation of the API, as methods that both clients have."""

from __future__ import annotations

from gitalign.client.operations.batches import Batches
from gitalign.client.operations.jobs import Jobs
from gitalign.client.operations.people import People
from gitalign.client.operations.projects import Projects
from gitalign.client.operations.questions import Questions
from gitalign.client.operations.repositories import Repositories
from gitalign.client.operations.runs import Runs


class Operations(Repositories, Questions, Runs, Batches, Jobs, People, Projects):
    """All of them."""
