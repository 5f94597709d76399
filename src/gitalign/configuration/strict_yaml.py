"""YAML as settings and rule packs are read: plain values, no key twice, no document that grows when it is unfolded."""

from __future__ import annotations

from typing import Any


class NotStrict(ValueError):
    """The text is no YAML, or not of the harmless kind; the message is one line."""


def load_yaml(text: str, *, ignores_tags: bool = False) -> Any:
    """The values of one YAML document; None for an empty one.

    Args:
        text: the document.
        ignores_tags: take values with tags of an application as if they had none; they are faults otherwise.

    Raises:
        NotStrict
    """
    import yaml

    from gitalign.configuration.yaml_loaders import StrictLoader, TaglessLoader

    try:
        return yaml.load(text, Loader=TaglessLoader if ignores_tags else StrictLoader)
    except RecursionError as error:
        raise NotStrict("it is nested too deeply") from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise NotStrict(" ".join(str(error).split())) from error
