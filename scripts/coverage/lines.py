"""Which line of which source each opcode of a contract is of, by the compiler's own map."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import vyper.ast as vy_ast
from vyper.cli.vyper_compile import get_search_paths
from vyper.compiler.input_bundle import FileInput, FilesystemInputBundle
from vyper.compiler.phases import CompilerData
from vyper.compiler.settings import anchor_settings
from vyper.ir.compile_ir import assembly_to_evm

ROOT = Path(__file__).parents[2]
CONTRACTS = ROOT / "contracts"
MEASURED = (CONTRACTS, CONTRACTS / "modules")

Line = tuple[str, int]
"""A source, as from the repository's root, and a line in it."""


@dataclass(frozen=True)
class Code:
    """A contract's code on chain or the one that deploys it, as far as its source decides it, and the lines in it."""

    prefix: bytes
    lines: dict[int, Line]


def line_of(node: Any) -> Line | None:
    """The first line of the statement an expression is in, or a getter's declaration; nothing for a function's head."""
    path = Path(node.module_node.resolved_path)
    if path.parent not in MEASURED or path.suffix != ".vy":
        return None
    source = str(path.relative_to(ROOT))
    if isinstance(node, vy_ast.VariableDecl):
        return source, node.lineno
    while (parent := node._parent) is not None:
        if any(node is statement for part in ("body", "orelse") for statement in _statements(parent, part)):
            return None if isinstance(parent, vy_ast.Module) else (source, node.lineno)
        node = parent
    return None


def _statements(node: Any, part: str) -> list[Any]:
    """A conditional expression has parts of the same names, which are no lists."""
    found = getattr(node, part, None)
    return found if isinstance(found, list) else []


def _lines(pc_map: dict[str, Any]) -> dict[int, Line]:
    found = {place: line_of(node) for place, node in pc_map["pc_raw_ast_map"].items()}
    return {place: line for place, line in found.items() if line}


def compiled(source: str, path: Path | None = None) -> tuple[Code, Code]:
    """A contract's code on chain and the one that deploys it; a text without a path stands in the root."""
    name = path or ROOT / "text.vy"
    given = FileInput(source_id=-1, path=name, resolved_path=name, contents=source)
    data = CompilerData(given, FilesystemInputBundle(get_search_paths([str(ROOT)])))
    with anchor_settings(data.settings):
        runtime, runtime_map = assembly_to_evm(data.assembly_runtime)
        # The sum over the sources at its end counts toward no jump but the arguments' place: any sum as long will do.
        creation, creation_map = assembly_to_evm(data.assembly, compiler_metadata=bytes(32))
    return Code(runtime, _lines(runtime_map)), Code(creation[: -int.from_bytes(creation[-2:])], _lines(creation_map))


def compiled_file(path: Path) -> tuple[Code, Code]:
    """The same of a file."""
    return compiled(path.read_text(), path)
