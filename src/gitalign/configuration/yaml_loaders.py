"""The loaders behind `strict_yaml`. Imported when a document is read: most commands read none."""

from __future__ import annotations

from typing import Any

import yaml

_MOST_NODES = 100_000


class StrictLoader(yaml.SafeLoader):
    """Safe loader that refuses a key written twice, an alias inside itself, and aliases that multiply."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._nodes = 0
        self._weights: dict[int, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """A node; an alias weighs as much as what it stands for."""
        is_alias = self.check_event(yaml.AliasEvent)
        before = self._nodes
        node: yaml.Node | None = super().compose_node(parent, index)
        if is_alias and id(node) not in self._weights:
            raise yaml.composer.ComposerError(None, None, "an alias stands inside what it names", None)
        self._nodes += self._weights[id(node)] if is_alias else 1
        if not is_alias:
            self._weights[id(node)] = self._nodes - before
        if self._nodes > _MOST_NODES:
            raise yaml.composer.ComposerError(None, None, f"more than {_MOST_NODES} values once unfolded", None)
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping; the same key twice is an error."""
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, str | int | float | bool) and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", key_node.start_mark
                )
            if isinstance(key, str | int | float | bool):
                seen.add(key)
        return super().construct_mapping(node, deep)


class TaglessLoader(StrictLoader):
    """Takes values with tags of an application (`!reference`) as if they had none."""


def _untagged(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return node.value


TaglessLoader.add_multi_constructor("!", _untagged)
