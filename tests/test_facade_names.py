"""The facade loads its names when they are first used."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import pytest

from gitalign import facade
from gitalign.core.plan import Permit


def test_no_file_of_the_facade_hides_one_of_its_names() -> None:
    """An imported submodule becomes an attribute of the package, and would be found in the place of a function of that name."""
    files = {module.name for module in pkgutil.iter_modules(facade.__path__)}
    assert not files & set(facade._HOME)


def test_every_name_is_there_and_what_is_typed_is_what_is_loaded() -> None:
    for name, module in facade._HOME.items():
        home = getattr(getattr(facade, name), "__module__", module)  # text has none
        assert home == module, name
    source = (facade.__file__ or "").replace(".pyc", ".py")
    with open(source, encoding="utf-8") as file:
        text = file.read()
    for module, names in facade._HOMES.items():
        for name in names:
            assert f"    from {module} import {name} as {name}\n" in text


def test_a_plan_does_not_load_what_carries_it_out() -> None:
    words = "import sys; from gitalign import facade; facade.plan; print('gitalign.engine.run.execute' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_keyword_that_no_use_case_has_is_refused() -> None:
    with pytest.raises(TypeError, match="listener"):
        facade.run(facade.Request(), permit=Permit(plan_id="*"), listener=())  # type: ignore[call-arg]
