"""A lane on a chain of one's own, and what both need to be told."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_utils.address import to_checksum_address

from keeper.chain.types import Header
from keeper.config.schema import FeesSection
from keeper.execution.lane import Lane
from keeper.execution.signers import KeySigner, Signer
from keeper.store.database import open_database
from keeper.store.journal import Decision, Journal
from tests.keeper.ledger_chain import LedgerChain

KEY = Account.from_key(b"\x07" * 32)
TARGET = to_checksum_address("0x" + "a0" * 20)
FEES = FeesSection(max_fee_gwei=Decimal(10), tip_gwei=Decimal(1), replace_after_blocks=2)


def decision(name: str, head: Header, reserved: int = 0) -> Decision:
    return Decision(
        id=name,
        kind="bid",
        sender=KEY.address,
        block=head.number,
        time=head.time,
        accounts=(1 << 96,),
        target=TARGET,
        data=name.encode(),
        gas=500_000,
        reserved=reserved,
    )


def lane_of(chain: Any, journal: Any, ended: list[tuple[str, str]] | None = None, signer: Signer | None = None) -> Lane:
    told = ended if ended is not None else []
    return Lane(
        "urgent",
        signer or KeySigner(KEY),
        chain,
        journal,
        FEES,
        31_337,
        lambda decided, state: told.append((decided.id, state)),
    )


def journal_at(path: Path) -> Journal:
    return Journal(open_database(path / "keeper.sqlite"))


def states(journal: Journal) -> list[tuple[str, str]]:
    return [(state, reason) for _, state, reason in journal.states(KEY.address)]


async def tend(lane: Lane, head: Header, *, wanted: Callable[[Decision], bool] = lambda _: True) -> None:
    await lane.tend(head, {}, wanted)
    await lane.wind_up(head, wanted)


async def settle(lane: Lane, chain: LedgerChain) -> None:
    """Another process takes over with a decision of its own, and the chain goes on."""
    await lane.resume(chain.head, 64)
    await lane.submit(decision("later", chain.head), chain.head)
    for _ in range(8):
        await tend(lane, chain.mine())
