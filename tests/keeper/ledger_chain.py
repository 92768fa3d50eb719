"""A chain as a sender sees it: bytes go in, blocks with some of them come out, and any of it can be taken back.

It keeps a node's rules for what a lane depends on (one transaction a nonce, replacement only at a higher fee, known
bytes refused), and counts how often each payload was carried out.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import rlp
from eth_account import Account
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from keeper.chain.types import Header, RpcError

BASE_FEE = 10**9


class Transaction(NamedTuple):
    hash: str
    sender: str
    nonce: int
    tip: int
    max_fee: int
    target: str
    data: bytes


def decode(raw: bytes) -> Transaction:
    """A type 2 transaction from its bytes."""
    assert raw[0] == 2
    _, nonce, tip, max_fee, _, target, _, data, *_ = rlp.decode(raw[1:])
    sender = Account.recover_transaction(raw)
    fields = [int.from_bytes(value, "big") for value in (nonce, tip, max_fee)]
    return Transaction("0x" + keccak(raw).hex(), sender, *fields, to_checksum_address(target), data)


class LedgerChain:
    """`call` speaks as a node would; `mine` and `reorg` are the world's acts."""

    def __init__(self) -> None:
        self.blocks: list[list[Transaction]] = [[]]
        self.forks = 0
        self.base_fee = BASE_FEE
        self.pool: dict[tuple[str, int], Transaction] = {}
        self.received: list[str] = []
        self.reverting: set[bytes] = set()
        self.refusing: set[bytes] = set()

    @property
    def head(self) -> Header:
        return self._header(len(self.blocks) - 1)

    def carried_out(self) -> Counter[bytes]:
        """How often each payload stands in the chain."""
        return Counter(transaction.data for block in self.blocks for transaction in block)

    def nonce(self, sender: str) -> int:
        return sum(1 for block in self.blocks for transaction in block if transaction.sender == sender)

    def mine(self, *, empty: bool = False) -> Header:
        """A block with everything that can go in; what pays less than the base fee is forgotten, as some nodes do."""
        self.pool = {place: waiting for place, waiting in self.pool.items() if waiting.max_fee >= self.base_fee}
        chosen: list[Transaction] = []
        if not empty:
            for sender in sorted({sender for sender, _ in self.pool}):
                nonce = self.nonce(sender)
                while (sender, nonce) in self.pool:
                    chosen.append(self.pool.pop((sender, nonce)))
                    nonce += 1
        self.blocks.append(chosen)
        return self.head

    def reorg(self, depth: int) -> None:
        """The last blocks did not happen, and their transactions are forgotten by everybody."""
        self.forks += 1
        for _ in range(depth):
            self.blocks.pop()

    def forget_pool(self) -> None:
        """As when every node dropped what was waiting."""
        self.pool.clear()

    async def call(self, method: str, params: list[Any]) -> Any:
        return getattr(self, method)(*params)

    async def spread(self, method: str, params: list[Any]) -> Any:
        return await self.call(method, params)

    async def every(self, method: str, params: list[Any]) -> list[Any]:
        return [await self.call(method, params)]

    def eth_call(self, request: dict[str, str], block: dict[str, str]) -> str:
        if block != {"blockHash": self.head.hash}:
            raise RpcError("eth_call", -32000, "header not found")
        if bytes.fromhex(request["data"][2:]) in self.refusing:
            raise RpcError("eth_call", 3, "execution reverted: auction: healthy")
        return "0x"

    def eth_getTransactionCount(self, sender: str, _: str) -> str:
        return hex(self.nonce(sender))

    def eth_getBlockByNumber(self, number: str, _: bool) -> dict[str, str] | None:
        at = int(number, 16)
        return {"hash": self._header(at).hash} if 0 <= at < len(self.blocks) else None

    def eth_sendRawTransaction(self, raw: str) -> str:
        transaction = decode(bytes.fromhex(raw[2:]))
        self.received.append(transaction.hash)
        if transaction.nonce < self.nonce(transaction.sender):
            raise RpcError("eth_sendRawTransaction", -32000, "nonce too low")
        old = self.pool.get((transaction.sender, transaction.nonce))
        if old == transaction:
            raise RpcError("eth_sendRawTransaction", -32000, "already known")
        if old is not None and transaction.max_fee * 10 < old.max_fee * 11:
            raise RpcError("eth_sendRawTransaction", -32000, "replacement transaction underpriced")
        self.pool[transaction.sender, transaction.nonce] = transaction
        return transaction.hash

    def eth_getTransactionReceipt(self, name: str) -> dict[str, str] | None:
        for number, block in enumerate(self.blocks):
            for transaction in block:
                if transaction.hash == name:
                    status = "0x0" if transaction.data in self.reverting else "0x1"
                    return {"status": status, "blockNumber": hex(number), "blockHash": self._header(number).hash}
        return None

    def _header(self, number: int) -> Header:
        return Header(number, f"0x{self.forks:032x}{number:032x}", "", 2 * number, self.base_fee)
