"""Removing a folder of ours, however deep it is and whatever modes code in it has given to files.

Links are removed, never followed.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from gitalign import child

_TIMEOUT_S = 600.0


def remove_tree(place: Path) -> None:
    """Delete a folder, however deep, whatever modes it was given; links are removed, never followed.

    Raises:
        OSError: it is still there.
    """
    try:
        is_folder = stat.S_ISDIR(place.lstat().st_mode)
    except OSError:
        return
    if not is_folder:
        place.unlink(missing_ok=True)
        return
    try:
        shutil.rmtree(place)
        return
    except (OSError, RecursionError):
        pass
    # Two passes: a folder that could not be read hides others that cannot.
    for _ in range(2):
        for words in (("chmod", "-R", "u+rwX"), ("rm", "-rf")):
            with suppress(child.ChildTimedOut):
                child.run(
                    [*words, "--", str(place)], env={"PATH": os.environ.get("PATH", os.defpath)}, timeout_s=_TIMEOUT_S
                )
        if not os.path.lexists(place):
            return
    raise OSError(errno.ENOTEMPTY, "cannot be removed", str(place))
