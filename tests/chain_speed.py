"""
What no test looks at, Ape's test network need not work out again for each transaction and call.

Tests send thousands of them. Left as it is, Ape runs each transaction a second time as a call, to print what contracts
say to a console (these say nothing); builds its settings anew to learn the type of a transaction; and asks for code,
and for a sender, by way of web3. And to undo a test it executes again the block that it returns to, which is stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ape import chain
from ape.api import ReceiptAPI
from ape_ethereum.ecosystem import Ethereum
from ape_test.provider import ApeEVMBackend, LocalProvider
from eth.constants import GENESIS_PARENT_HASH
from hexbytes import HexBytes

LATER = 2_000_000_000
"""Ahead of the machine's clock, which a block takes where it is ahead of the chain: how fast a test is would count."""


def code_at(provider: LocalProvider, address: str, block_id: Any = None) -> HexBytes:
    """The code of an address, from the EVM itself."""
    return HexBytes(provider.evm_backend.get_code(HexBytes(address), "latest" if block_id is None else block_id))


def return_to(backend: ApeEVMBackend, snapshot: bytes) -> None:
    """Make a block that is stored, and so its state, the newest one."""
    evm = backend.chain
    header = evm.get_block_by_hash(snapshot).header
    evm.chaindb._set_as_canonical_chain_head(evm.chaindb.db, header, GENESIS_PARENT_HASH)
    evm.header = evm.create_header_from_parent(header)


@pytest.fixture(scope="session", autouse=True)
def quick_chain() -> Iterator[None]:
    """Ape's test network without the work that is done twice, and with a clock of its own.

    Each folder brings this fixture: the second one of a session finds the clock set.
    """
    provider = chain.provider
    if chain.pending_timestamp < LATER:
        chain.pending_timestamp = LATER
    transaction_type = provider.network.ecosystem.default_transaction_type
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ReceiptAPI, "show_debug_logs", lambda _: None)
        patch.setattr(Ethereum, "default_transaction_type", transaction_type)
        patch.setattr(LocalProvider, "get_code", code_at)
        patch.setattr(ApeEVMBackend, "revert_to_snapshot", return_to)
        patch.setattr(provider.web3.eth, "default_account", provider.web3.eth.accounts[0])
        yield
