"""The inside of a sandbox: one operation, one answer in JSON. Run as a program, by `in_sandbox` alone."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import os
import pickle
import sys
from functools import reduce
from pathlib import Path
from typing import Any

REQUEST, ANSWER = "request", "answer.json"


def main(folder: Path) -> None:
    """Carry out the operation that a folder names, and write its answer there."""
    module, name, words, path, niceness = pickle.loads((folder / REQUEST).read_bytes())
    os.nice(niceness)
    sys.path[:] = list(dict.fromkeys([*sys.path, *path]))
    try:
        operation = reduce(getattr, name.split("."), importlib.import_module(module))
        answer = {"kind": "result", "value": _carried_out(operation, words)}
        text = json.dumps(answer)
    except BaseException as error:
        text = json.dumps({"kind": type(error).__name__, "value": str(error)})
    (folder / ANSWER).write_text(text, encoding="utf-8")


def _carried_out(operation: Any, words: tuple[Any, ...]) -> Any:
    value = operation(*words)
    return asyncio.run(_awaited(value)) if inspect.isawaitable(value) else value


async def _awaited(value: Any) -> Any:
    return await value


if __name__ == "__main__":
    main(Path(sys.argv[1]))
