"""What a mutant's contracts compile to, where they differ from the project's."""

from __future__ import annotations

from pathlib import Path

import cbor2
from vyper.exceptions import VyperException, VyperInternalException

from scripts._deployment import kept
from tests.model import contracts
from tests.mutants.mutant import Edit

LIMIT = 24_576
"""Bytes of a contract. What is larger cannot be deployed: tests would fail for that alone."""


ROOM = (
    Edit("Clearinghouse.vy", "    ownable_2step.pending_owner,\n", ""),
    Edit("Clearinghouse.vy", "    limits.guardian,\n", ""),
    Edit("Clearinghouse.vy", "implements: IClearinghouse\n\n", ""),
)
"""Two getters that no killer asks. A mutant does without them where it takes more bytes than are free."""


class UnbuiltError(Exception):
    """A mutant does not compile, is too large, or compiles to what was there."""


class TooLargeError(UnbuiltError):
    """One that is too large."""


def names(folder: Path = contracts.CONTRACTS) -> list[str]:
    """The contracts of a folder; those for tests apart."""
    return sorted(path.stem for path in folder.glob("*.vy"))


def affected(folder: Path) -> list[str]:
    """Contracts whose sources are others than the project's, those with the least room first."""
    found = [name for name in names(folder) if kept.state(name, folder) != kept.state(name)]
    return sorted(found, key=lambda name: -size(contracts.contract(name)))


def appended(made: contracts.Compiled) -> bytes:
    """What the compiler adds to the code a contract is created with; its length is in the last two bytes."""
    return made.bytecode[-int.from_bytes(made.bytecode[-2:], "big") :]


def code(made: contracts.Compiled) -> bytes:
    """The code alone, without the sum of the sources, which comments are part of."""
    return made.bytecode.removesuffix(appended(made))


def size(made: contracts.Compiled) -> int:
    """Bytes on chain: what is returned at creation, and the immutables after it."""
    _, length, _, immutables, _ = cbor2.loads(appended(made)[:-2])
    return int(length + immutables)


def differing(folder: Path, *, first: bool = False) -> list[str]:
    """Contracts that compile to other code, or only the first that does.

    UnbuiltError where one does not compile or cannot be deployed, or none differs.
    """
    found = []
    for name in affected(folder):
        try:
            made = contracts.compiled(name, folder)
        except (VyperException, VyperInternalException, AssertionError) as error:
            raise UnbuiltError(f"{name} does not compile: {str(error)[:200]}") from error
        if size(made) > LIMIT:
            raise TooLargeError(f"{name} is {size(made) - LIMIT} bytes too large")
        if code(made) != code(contracts.contract(name)):
            found.append(name)
            if first:
                break
    if not found:
        raise UnbuiltError("compiles to what was there")
    return found
