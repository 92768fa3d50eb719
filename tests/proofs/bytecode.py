"""Symbolic execution of what Vyper compiles: every path of a function, over all values of its arguments.

A face (`faces/*.vy`) exposes a module's functions and states what holds of them as functions that return a bool. halmos
runs a face's runtime bytecode with symbolic words for arguments; z3 then looks, path by path, for arguments at which a
check returns false, or reverts where it may not. What halmos abstracts (products and quotients of two unknown words) is
given its meaning back before z3 is asked, so that neither answer is of an abstraction.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path as File

import z3
from boa.interpret import get_search_paths
from halmos import sevm
from halmos.__main__ import mk_block, mk_solver
from halmos.bytevec import ByteVec
from halmos.calldata import FunctionInfo
from halmos.config import ConfigSource, default_config
from halmos.sevm import EMPTY_BALANCE, FOUNDRY_CALLER, FOUNDRY_ORIGIN, FOUNDRY_TEST, SEVM
from halmos.utils import EVM, con
from vyper.compiler import compile_code
from vyper.compiler.input_bundle import FilesystemInputBundle

from scripts._deployment.kept import KEPT, sources
from tests.model.contracts import CONTRACTS

EFFORT = 1_000_000_000
"""z3's own count of steps, the same on every machine; past it a question is undecided."""
IMPORT = re.compile(r"^from contracts\.modules import (\w+)", re.MULTILINE)
FACES = File(__file__).parent / "faces"


class Undecided(Exception):  # noqa: N818 - neither proven nor refuted
    """The solver gave up, or halmos met what it cannot run: nothing is proven."""


@dataclass(frozen=True)
class Ending:
    """How one path ends: under which conditions, and with what (None: it reverts)."""

    conditions: tuple[z3.BoolRef, ...]
    output: z3.BitVecRef | None


@dataclass(frozen=True)
class Face:
    """A compiled face: its runtime bytecode, and its functions' selectors and arguments."""

    name: str
    runtime: str
    selectors: Mapping[str, str]
    arguments: Mapping[str, tuple[str, ...]]

    def endings(self, function: str, known: Mapping[str, int]) -> Iterator[Ending]:
        """Every path of a function, run with all arguments unknown but those given."""
        config = default_config().with_overrides(ConfigSource.command_line, loop=256, solver_timeout_branching=0)
        names = self.arguments[function]
        calldata = ByteVec(bytes.fromhex(self.selectors[function]))
        for name in names:
            calldata.append(known[name].to_bytes(32) if name in known else z3.BitVec(name, 256))
        machine = SEVM(config, FunctionInfo(self.name, function, function, self.selectors[function]))
        message = sevm.Message(
            target=FOUNDRY_TEST,
            caller=FOUNDRY_CALLER,
            origin=FOUNDRY_ORIGIN,
            value=con(0),
            data=calldata,
            call_scheme=EVM.CALL,
        )
        start = machine.mk_exec(
            code={FOUNDRY_TEST: sevm.Contract.from_hexcode(self.runtime)},
            storage={FOUNDRY_TEST: machine.mk_storagedata()},
            transient_storage={FOUNDRY_TEST: machine.mk_storagedata()},
            balance=EMPTY_BALANCE,
            block=mk_block(),
            context=sevm.CallContext(message=message),
            pgm=sevm.Contract.from_hexcode(self.runtime),
            path=sevm.Path(mk_solver(config)),
        )
        for end in machine.run(start):
            if end.context.is_stuck():
                raise Undecided(f"{self.name}.{function}: {end.context.get_stuck_reason()}")
            conditions = tuple(_meant(condition) for condition in end.path.conditions)
            output = end.context.output
            if output.error is not None:
                yield Ending(conditions, None)
            else:
                yield Ending(conditions, _meant(_word(output.data)))


def _word(data: ByteVec) -> z3.BitVecRef:
    word = data.get_word(0)
    if isinstance(word, int):
        return z3.BitVecVal(word, 256)
    return word if isinstance(word, z3.BitVecRef) else word.as_z3()


def _meanings() -> list[tuple[z3.FuncDeclRef, z3.ExprRef]]:
    pairs = []
    for size, product in sevm.f_mul.items():
        x, y = z3.Var(0, z3.BitVecSort(size)), z3.Var(1, z3.BitVecSort(size))
        pairs.append((product, x * y))
    for size, rest in sevm.f_mod.items():
        x, y = z3.Var(0, z3.BitVecSort(size)), z3.Var(1, z3.BitVecSort(size))
        pairs.append((rest, z3.If(y == 0, z3.BitVecVal(0, size), z3.URem(x, y))))
    x, y = z3.Var(0, z3.BitVecSort(256)), z3.Var(1, z3.BitVecSort(256))
    zero = z3.BitVecVal(0, 256)
    pairs += [
        (sevm.f_div, z3.If(y == 0, zero, z3.UDiv(x, y))),
        (sevm.f_sdiv, z3.If(y == 0, zero, x / y)),
        (sevm.f_smod, z3.If(y == 0, zero, z3.SRem(x, y))),
    ]
    return pairs


MEANINGS = _meanings()


def _meant(term: z3.ExprRef) -> z3.ExprRef:
    return z3.substitute_funs(term, *MEANINGS)


@cache
def face(name: str) -> Face:
    """faces/<name>.vy, compiled unless it is kept for these sources."""
    path = FACES / f"{name}.vy"
    digest = hashlib.sha256(version("vyper").encode())
    modules = [CONTRACTS / "modules" / f"{module}.vy" for module in IMPORT.findall(path.read_text())]
    for source in (path, *(source for module in modules for source in sources(module))):
        digest.update(b"\n" + source.read_bytes())
    kept = KEPT / f"face-{name}-{digest.hexdigest()[:32]}.json"
    if kept.is_file():
        made = json.loads(kept.read_text())
    else:
        made = compile_code(
            path.read_text(),
            contract_path=path,
            input_bundle=FilesystemInputBundle([*get_search_paths(), CONTRACTS.parent]),
            output_formats=["abi", "bytecode_runtime", "method_identifiers"],
        )
        kept.parent.mkdir(parents=True, exist_ok=True)
        # Another process may be writing the same face: a rename is whole or not at all.
        unfinished = kept.with_suffix(f".{os.getpid()}")
        unfinished.write_text(json.dumps(made))
        unfinished.replace(kept)
    selectors = {
        signature.split("(")[0]: f"{int(selector, 16):08x}"
        for signature, selector in made["method_identifiers"].items()
    }
    arguments = {entry["name"]: tuple(argument["name"] for argument in entry["inputs"]) for entry in made["abi"]}
    return Face(name, made["bytecode_runtime"], selectors, arguments)


def counterexample(name: str, function: str, reverts: bool = False, **known: int) -> dict[str, int] | None:
    """
    Arguments (those not `known`) at which a face's check returns false, or reverts unless it `reverts`; None: there
    are none.

    A check that always reverts would say nothing, so one path at least must return.
    """
    checked = face(name)
    returned = False
    for ending in checked.endings(function, known):
        solver = z3.SolverFor("QF_ABV")
        solver.set("rlimit", EFFORT)
        solver.add(*ending.conditions)
        if ending.output is not None:
            if not returned and solver.check() == z3.sat:
                returned = True
            solver.add(ending.output != 1)
        elif reverts:
            continue
        answer = solver.check()
        if answer == z3.unknown:
            raise Undecided(f"{name}.{function}: {solver.reason_unknown()}")
        if answer == z3.sat:
            model = solver.model()
            return {
                argument: model.eval(z3.BitVec(argument, 256), model_completion=True).as_long()
                for argument in checked.arguments[function]
            }
    if not returned:
        raise Undecided(f"{name}.{function}: no path returns")
    return None
