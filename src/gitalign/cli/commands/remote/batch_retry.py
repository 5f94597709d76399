"""The verb `remote batch-retry`."""

from __future__ import annotations

from typing import Annotated

from gitalign.cli.asking import asked
from gitalign.cli.batch_options import Land, NamedBatch
from gitalign.cli.options import Options
from gitalign.cli.parameters import argument
from gitalign.cli.remote import WITHOUT, Remote
from gitalign.cli.remote_batches import batch_followed, batch_named
from gitalign.cli.verb import verb

TaskNames = Annotated[
    tuple[str, ...], argument(help="Tasks that run again besides those that failed.", metavar="[TASK]...")
]


@verb(acts=True, without=WITHOUT)
def batch_retry(
    batch_id: NamedBatch, tasks: TaskNames = (), *, land: Land = True, remote: Remote, options: Options
) -> int:
    """Run again what failed in a batch run, and what is named. Other results stay."""
    with remote.connected() as client:
        name = remote.name(client)
        batch = batch_named(client, name, batch_id)
        look = f"or look at them first: {remote.typed(name).of_group('batch', 'status', batch)}"
        question = f"Run the failed tasks of batch run {batch} again?"
        if not asked(options, question, would="run the failed tasks again", look=look):
            return 1
        return batch_followed(options, client, remote, client.batch_retry(name, batch, tasks=tasks, lands=land))
