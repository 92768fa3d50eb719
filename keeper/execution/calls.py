"""Calls of the contracts as bytes; of the Auction where nothing else is said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eth_abi.abi import encode
from eth_utils.crypto import keccak

_LOT = "(uint256,uint256,int256,uint256,uint256,uint256,uint256)"

_FILL = "((uint256,uint256,int256,uint256,uint256,uint256,uint256,bool,uint256),bytes,uint256)"


def selector(signature: str) -> bytes:
    """The first four bytes of a call."""
    return keccak(text=signature)[:4]


def open_call(accounts: Sequence[int]) -> bytes:
    """`open(accounts)`."""
    return selector("open(uint256[])") + encode(["uint256[]"], [list(accounts)])


def bid_call(taker: int, lots: Iterable[tuple[int, int, int, int, int, int, int]]) -> bytes:
    """`bid(taker, lots)`."""
    return selector(f"bid(uint256,{_LOT}[])") + encode(["uint256", f"{_LOT}[]"], [taker, list(lots)])


def match_call(account: int, exchange: str, fills: Iterable[tuple[tuple[object, ...], bytes, int]]) -> bytes:
    """`match(account, exchange, fills)`; a fill is an order, its signature and an amount."""
    kinds = ["uint256", "address", f"{_FILL}[]"]
    return selector(f"match({','.join(kinds)})") + encode(kinds, [account, exchange, list(fills)])


def sweep_call(account: int, most: int) -> bytes:
    """`sweep(account, most)`."""
    return selector("sweep(uint256,uint256)") + encode(["uint256", "uint256"], [account, most])


def refresh_call(markets: Sequence[int]) -> bytes:
    """`refresh(markets)` of the RiskEngine."""
    return selector("refresh(uint256[])") + encode(["uint256[]"], [list(markets)])


def slot_call(account: int, index: int) -> bytes:
    """`slot(account, index)` of the Exchange."""
    return selector("slot(uint256,uint256)") + encode(["uint256", "uint256"], [account, index])


def lowest_nonce_call(account: int) -> bytes:
    """`lowest_nonce(account)` of the Exchange."""
    return selector("lowest_nonce(uint256)") + encode(["uint256"], [account])


def maker_fee_call() -> bytes:
    """`maker_bps()` of the Exchange."""
    return selector("maker_bps()")
