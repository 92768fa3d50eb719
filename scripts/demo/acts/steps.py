"""Steps of a batch, as the contract's ABI takes them."""

from __future__ import annotations

from eth_abi.abi import encode

Step = tuple[int, str, int, int, int, bytes]
NOBODY = "0x" + "00" * 20


def withdraw_spot(account: int, market: int, units: int, receiver: str) -> Step:
    """Tokens of a market to a receiver."""
    return 4, receiver, account, market, units, b""


def fill(venue: str, data: str) -> Step:
    """An order filled at a venue: `data` is the whole call."""
    return 6, venue, 0, 0, 0, bytes.fromhex(data[2:])


def bid(data: str) -> Step:
    """A bid at the auction: `data` is the whole call."""
    return 7, NOBODY, 0, 0, 0, bytes.fromhex(data[2:])


def pay_in(desk: str, account: int, units: int) -> Step:
    """The desk pays quote of its own into an account."""
    return 8, desk, 0, 0, 0, encode(["uint256", "uint256"], [account, units])
