"""The files of the package stand on each other, and never in a loop: what a file needs is always below it."""

import ast
from pathlib import Path

import networkx as nx

import gitalign

SOURCE = Path(gitalign.__file__).parent


def _name(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports() -> "nx.DiGraph[str]":
    """Which file imports which, imports inside of functions and for types included."""
    files = {_name(path): path for path in sorted(SOURCE.rglob("*.py"))}
    graph: nx.DiGraph[str] = nx.DiGraph()
    for name, path in files.items():
        graph.add_node(name)
        for node in ast.walk(ast.parse(path.read_bytes())):
            match node:
                case ast.Import():
                    wanted = [alias.name for alias in node.names]
                case ast.ImportFrom(level=0, module=str(module)):
                    # A name may be a file of its own.
                    deeper = {alias.name: f"{module}.{alias.name}" for alias in node.names}
                    wanted = [deeper[one] if deeper[one] in files else module for one in deeper]
                case _:
                    continue
            graph.add_edges_from((name, one) for one in wanted if one in files and one != name)
    return graph


def test_no_files_import_each_other() -> None:
    graph = _imports()
    assert graph.number_of_edges() > 1000

    loops = [sorted(loop) for loop in nx.strongly_connected_components(graph) if len(loop) > 1]

    assert loops == []
