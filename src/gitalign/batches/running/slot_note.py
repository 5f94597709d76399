"""What the file in a slot says of its work tree: explicit keys, and a reader that takes newer minor versions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitalign.core.names import Oid
from gitalign.documents.formats import json_text, opened, parsed, stamped
from gitalign.documents.reading import Malformed, as_text, each, field
from gitalign.output_file import write_whole

if TYPE_CHECKING:
    from gitalign.documents.models.batches import BatchSlotDocument

FORMAT = "batch-slot"
_FILE = "slot.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotNote:
    """What a slot holds, as its file says.

    Attributes:
        batch_id, task_id, base: of the task whose work may be in it; empty when it holds nothing of value.
        prepared: key of the set-up whose products are in it; empty for none.
        keep: patterns of those products.
        reason: why the tree stays though its task has ended; empty while it is in use.
    """

    batch_id: str = ""
    task_id: str = ""
    base: str = ""
    prepared: str = ""
    keep: tuple[str, ...] = ()
    reason: str = ""

    @property
    def holds_work(self) -> bool:
        """True when the tree may hold something that is nowhere else."""
        return bool(self.batch_id)

    @property
    def base_commit(self) -> Oid | None:
        """The commit that the task started from."""
        return Oid(self.base) if self.base else None


def dump(note: SlotNote) -> BatchSlotDocument:
    """The members of a note's document."""
    return {
        "batch_id": note.batch_id,
        "task_id": note.task_id,
        "base": note.base,
        "prepared": note.prepared,
        "keep": list(note.keep),
        "reason": note.reason,
    }


def load(value: Any) -> SlotNote:
    """Reads what `write_note` writes.

    Raises:
        Malformed
    """
    data = opened(value, FORMAT)
    return SlotNote(
        batch_id=field(data, "batch_id", as_text),
        task_id=field(data, "task_id", as_text),
        base=field(data, "base", as_text),
        prepared=field(data, "prepared", as_text),
        keep=each(data, "keep", as_text),
        reason=field(data, "reason", as_text),
    )


def write_note(folder: Path, note: SlotNote) -> None:
    """Replace the note of a slot; it is on disk when this returns.

    Raises:
        OutOfSpace
    """
    write_whole(folder / _FILE, json_text(stamped(FORMAT, dump(note))))


def read_note(folder: Path) -> SlotNote:
    """What a slot's file says. One that cannot be read says that the slot may hold work of an unknown task."""
    try:
        return load(parsed((folder / _FILE).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return SlotNote()
    except (OSError, Malformed, UnicodeDecodeError):
        return SlotNote(batch_id="unknown", task_id="unknown", reason="its note cannot be read")
