"""The book against the contracts: a few accounts in turn, at the same block; who differs is read from the chain.

One call of the Lens for all of them, and none for a block that told of nothing. A difference is an error of ours or of
the node: it is said loudly, and concerns its account alone. As long as it lasts, what the chain says of the account is
what is decided by.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import structlog
from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

from keeper.book.exact import Exact, Holdings
from keeper.chain.types import LinkError, RpcError
from keeper.config import Deployment
from keeper.config.schema import BookSection
from keeper.execution.calls import selector
from keeper.execution.simulation import Requests
from keeper.model.requirement import Assessment, Holding
from keeper.watch import metrics

log = structlog.get_logger(__name__)

MOST = 32
"""Accounts of one call."""
_ASSESSMENT = "(int256,uint256,uint256,uint256,uint256,uint256,uint256,uint256)"
_HOLDING = "(uint256,uint256,int256,int256,uint256,uint256,int256,uint256,int256)"
_VIEWS = f"(uint256,address,int256,{_ASSESSMENT},int256,uint256,uint256,uint256,{_HOLDING}[])[]"

View = tuple[int, Holdings, Assessment]
"""Cash, what is held, equity and requirement (of the whole account, as `Exact.appraise` has it)."""


class Comparison:
    """Turns through all rows of the book."""

    def __init__(self, node: Requests, deployment: Deployment, section: BookSection) -> None:
        lens = deployment.contracts.get("Lens")
        self._node = node
        self._lens = None if lens is None else lens.address
        self._section = section
        self._next = 0
        self._last = -1
        self._turn = 0
        self.different: dict[int, str] = {}
        """Accounts that the contract says something else of, and what."""
        if lens is None and section.compare:
            log.info("the book is not compared with the contracts: the deployment file names no Lens")

    async def read(self, exact: Exact, suspects: Collection[int]) -> None:
        """Have `exact` hold what the chain says of accounts that the book cannot be trusted with."""
        asked = sorted({*self.different, *suspects})
        if self._lens is None or not asked:
            return
        # More than one call holds: in turn, and the others by the book meanwhile.
        self._turn = (self._turn + MOST) % len(asked) if len(asked) > MOST else 0
        chosen = [asked[(self._turn + place) % len(asked)] for place in range(min(MOST, len(asked)))]
        for account, view in (await self._views(exact, chosen)).items():
            difference = _difference(exact, account, view)
            if difference:
                exact.tell(account, *view)
            elif self.different.pop(account, None) is not None:
                log.warning("an account agrees with the contract again", account=hex(account))
        self._count()

    async def one_round(self, exact: Exact) -> None:
        """Compare the next few, if it is their turn and nobody was read from the chain at this block already."""
        number = exact.mirror.number
        if self._lens is None or self.different or number - self._last < self._section.compare_blocks:
            return
        chosen = self._chosen(exact)
        if not chosen:
            return
        self._last = number
        for account, view in (await self._views(exact, chosen)).items():
            metrics.COMPARED.inc()
            difference = _difference(exact, account, view)
            if difference:
                self.different[account] = difference
                log.error("an account differs from the contract", account=hex(account), difference=difference)
        self._count()

    def _chosen(self, exact: Exact) -> list[int]:
        book = exact.mirror.book
        count = min(len(book), self._section.compare)
        rows = [(self._next + place) % len(book) for place in range(count)]
        self._next = (self._next + count) % max(len(book), 1)
        return [book.account(row) for row in rows]

    def _count(self) -> None:
        metrics.DIFFERENT.set(len(self.different))

    async def _views(self, exact: Exact, accounts: list[int]) -> dict[int, View]:
        """What the Lens says at the book's block; nothing, with a word in the log, where it cannot be asked."""
        data = selector("accounts(uint256[])") + encode(["uint256[]"], [accounts])
        where = {"blockHash": exact.mirror.block_hash}
        try:
            answer = await self._node.call("eth_call", [{"to": self._lens, "data": "0x" + data.hex()}, where])
            (views,) = decode([_VIEWS], bytes.fromhex(answer[2:]))
        except (LinkError, RpcError, DecodingError, ValueError, TypeError) as error:
            log.warning("accounts were not compared with the contract", error=str(error))
            return {}
        return {view[0]: _view(view) for view in views}


def _view(view: Any) -> View:
    holdings = {market: Holding(spot, size, cost) for market, spot, size, cost, *_ in view[8]}
    return view[2], holdings, Assessment(*view[3])


def _difference(exact: Exact, account: int, view: View) -> str:
    """In words; empty if the book says the same to the wei."""
    cash, holdings, assessment = view
    try:
        ours = (exact.cash(account), exact.holdings(account), exact.appraise(account))
    except (ValueError, ArithmeticError, LookupError) as error:
        return f"it cannot be computed: {error!r}"
    if ours[0] != cash:
        return f"cash is {cash}, the book has {ours[0]}"
    for market in sorted({*holdings, *ours[1]}):
        if holdings.get(market) != ours[1].get(market):
            return f"market {market} is {holdings.get(market)}, the book has {ours[1].get(market)}"
    for name, told, had in zip(Assessment._fields, assessment, ours[2], strict=True):
        if told != had:
            return f"{name} is {told}, the model has {had}"
    return ""
