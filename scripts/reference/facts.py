"""What the compiler's syntax tree says of a contract."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from vyper import ast as tree
from vyper.compiler.input_bundle import FilesystemInputBundle
from vyper.compiler.phases import CompilerData

ROOT = Path(__file__).parents[2]
LIBRARY = {
    "transfer_ownership": "Names who is to own it next, and takes the name back when it is zero.",
    "accept_ownership": "The one named takes over.",
    "renounce_ownership": "Leaves it without an owner, for good.",
}
"""Acts that come from a library, in our words."""
REASON = re.compile(r"^[a-z0-9_]+: [ -~]+$")
"""How every refusal begins: with the name of who refuses."""
WORD = re.compile(r"^([A-Z_]+): constant\(bytes32\) = 0x([0-9a-f]{64})", re.MULTILINE)
PREFIX = re.compile(r'concat\("([a-z_]+: )"')


@dataclass(frozen=True)
class Function:
    """An external function: its face, and what is reachable from it."""

    name: str
    signature: str
    mutability: str
    notice: str
    locked: bool
    reasons: tuple[str, ...]
    calls: tuple[str, ...]

    @property
    def is_act(self) -> bool:
        """Whether it may change anything."""
        return self.mutability in ("nonpayable", "payable")


@dataclass(frozen=True)
class Variable:
    """A variable and where it lies: slots from 0, or bytes of the code."""

    name: str
    type: str
    place: int
    length: int


class Contract:
    """A contract below contracts/, compiled as far as its annotated syntax tree."""

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        bundle = FilesystemInputBundle([*(Path(entry) for entry in sys.path if entry), ROOT])
        self.data = CompilerData(bundle.load_file(path), bundle)

    @cached_property
    def functions(self) -> list[Function]:
        """External functions, acts before views, each in the order of the ABI."""
        exposed = [self._function(found) for found in self.data.global_ctx.exposed_functions]
        constructor = self.data.global_ctx.init_function
        if constructor is not None:
            exposed.insert(0, self._function(constructor))
        return sorted(exposed, key=lambda function: not function.is_act)

    def variables(self, layout: str) -> list[Variable]:
        """The variables of `storage_layout`, `transient_storage_layout` or `code_layout`, modules' with their name."""
        return sorted(_flat(self.data.storage_layout.get(layout, {})), key=lambda variable: variable.place)

    def _function(self, found: Any) -> Function:
        reached = [found, *found.reachable_internal_functions]
        nodes = [one.decl_node for one in reached if one.decl_node is not None]
        arguments = ", ".join(f"{one.name}: {_type(one.typ)}" for one in found.arguments)
        returned = f" -> {_type(found.return_type)}" if found.return_type is not None else ""
        return Function(
            name=found.name,
            signature=f"{found.name}({arguments}){returned}",
            mutability=found.mutability.value,
            notice=LIBRARY.get(found.name) or _notice(found.decl_node),
            locked=found.nonreentrant,
            reasons=tuple(sorted({reason for node in nodes for reason in _reasons(node)})),
            calls=tuple(sorted({call for node in nodes for call in _calls(node)})),
        )


def contracts() -> list[Contract]:
    """Every contract that is deployed."""
    return [Contract(path) for path in sorted((ROOT / "contracts").glob("*.vy"))]


@cache
def words() -> dict[tuple[str, str], str]:
    """Refusals that are kept as words, by module and name."""
    found = {}
    for path in (ROOT / "contracts" / "modules").glob("*refusal.vy"):
        text = path.read_text()
        (prefix,) = PREFIX.findall(text)
        for name, word in WORD.findall(text):
            found[path.stem, name] = prefix + bytes.fromhex(word).rstrip(b"\0").decode()
    return found


def _reasons(node: Any) -> set[str]:
    found = {text.value for text in node.get_descendants(tree.Str) if REASON.match(text.value)}
    # A module may import its words under another name than theirs.
    engine = "import engine_refusal" in Path(node.module_node.resolved_path).read_text()
    module = "engine_refusal" if engine else "refusal"
    named = (words().get((module, part.attr)) for part in node.get_descendants(tree.Attribute))
    return found | {reason for reason in named if reason}


def _calls(node: Any) -> set[str]:
    found = set()
    for call in node.get_descendants((tree.ExtCall, tree.StaticCall)):
        function = call.value.func
        if not isinstance(function, tree.Attribute):
            continue
        interface = function.value._metadata["type"]
        found.add(f"{_type(interface)}.{function.attr}")
    return found


def _notice(node: Any) -> str:
    if getattr(node, "doc_string", None) is None:
        return ""
    if not Path(node.module_node.resolved_path).is_relative_to(ROOT / "contracts"):
        return ""  # a library's words are its own
    text = " ".join(node.doc_string.value.split())
    found = re.search(r"@notice (.*?)(?= @\w+ |$)", text)
    return found.group(1) if found else ""


def _type(one: Any) -> str:
    return re.sub(r"\S*/(\w+)\.vyi", r"\1", str(one)).replace(" declaration object", "")


def _flat(layout: dict[str, Any], prefix: str = "") -> list[Variable]:
    found: list[Variable] = []
    for name, entry in layout.items():
        if "type" in entry and not isinstance(entry["type"], dict):
            place = entry.get("slot", entry.get("offset"))
            found.append(
                Variable(prefix + name, _type(entry["type"]), place, entry.get("n_slots", entry.get("length")))
            )
        else:
            found += _flat(entry, f"{prefix}{name}.")
    return found
