"""The insurance vault's acts: shares over its account's cash (docs/exact.md, 8)."""

from __future__ import annotations

from dataclasses import dataclass

from .clearinghouse import Clearinghouse
from .interest import MAX_CASH
from .rounding import ceil_div
from .state import Cell, Journal, Table, act, require

VIRTUAL_SHARES = 10**6
VIRTUAL_ASSETS = 1
LEAST_PRICE = 10**12
UNLIMITED = 2**256 - 1
RECEIVER_IS_ZERO = "vault: receiver is zero"
NOT_ENOUGH_SHARES = "vault: not enough shares"
NOTHING_TO_WITHDRAW = "vault: nothing to withdraw"


@dataclass(frozen=True, slots=True)
class Request:
    """What an owner is leaving with: shares, the most paid for all of them (token units), and when."""

    shares: int = 0
    value: int = 0
    ready: int = 0


NO_REQUEST = Request()


class Vault:
    """ERC-4626 over the quote token; amounts of assets are token units, conversions round against the caller."""

    def __init__(self, journal: Journal, clearinghouse: Clearinghouse, address: int, cooldown: int) -> None:
        self.journal = journal
        self.clearinghouse = clearinghouse
        self.address = address
        self.account = address << 96
        self.cooldown = cooldown
        self.supply = Cell[int](journal, "shares", 0)
        self.balances = Table[int, int](journal, "share_balances", 0)
        self.allowances = Table[tuple[int, int], int](journal, "share_allowances", 0)
        self.requests = Table[int, Request](journal, "requests", NO_REQUEST)

    def _backing(self) -> int:
        """Cash and uncollected interest as of now, WAD."""
        house = self.clearinghouse
        before = house.journal.begin()
        try:
            house.accrue()
            cash = house.worth(house.accounts[self.account].principal)
            reserve = house.custody.value.reserve
            return house.rounded(cash + reserve) if reserve else cash
        finally:
            house.journal.undo(before)

    def gross_assets(self) -> int:
        """What the vault has: token units, rounded down."""
        return self._backing() // self.clearinghouse.quote_scale

    def entering(self) -> int:
        """What entering is priced at: no less than a millionth of what was paid for the shares there are."""
        return max(self.gross_assets(), (self.supply.value + VIRTUAL_SHARES) // LEAST_PRICE)

    def total_assets(self) -> int:
        """What leaving is priced at: the same less the losses known to come, at least 0."""
        return max(0, self._backing() - self.clearinghouse.entries.value) // self.clearinghouse.quote_scale

    def _ratio(self, total: int) -> tuple[int, int]:
        return self.supply.value + VIRTUAL_SHARES, total + VIRTUAL_ASSETS

    @act
    def deposit(self, caller: int, assets: int, receiver: int) -> int:
        """Assets in, shares out, rounded down; returns the shares."""
        self.clearinghouse.collect()
        self._check_room(assets)
        shares, total = self._ratio(self.entering())
        minted = assets * shares // total
        self._enter(assets, minted, receiver)
        return minted

    @act
    def mint(self, caller: int, shares: int, receiver: int) -> int:
        """Shares out for assets, rounded up; returns the assets."""
        self.clearinghouse.collect()
        supply, total = self._ratio(self.entering())
        assets = ceil_div(shares * total, supply)
        self._check_room(assets)
        self._enter(assets, shares, receiver)
        return assets

    @act
    def approve(self, caller: int, spender: int, shares: int) -> None:
        """The caller lets `spender` burn so many of its shares."""
        self.allowances[caller, spender] = shares

    @act
    def request(self, caller: int, shares: int, owner: int) -> int:
        """Announce, for good, that an owner leaves with shares; returns what they are worth now."""
        require(not self.requests[owner].shares, "vault: request stands")
        require(shares <= self.balances[owner], NOT_ENOUGH_SHARES)
        self.clearinghouse.collect()
        value = self._worth(shares)
        require(value > 0, NOTHING_TO_WITHDRAW)
        self._spend(caller, owner, shares)
        self.balances[owner] -= shares
        self.balances[self.address] += shares
        self.requests[owner] = Request(shares, value, self.clearinghouse.clock.now + self.cooldown)
        return value

    @act
    def withdraw(self, caller: int, assets: int, receiver: int, owner: int) -> int:
        """Assets out of a ready request for its shares, rounded up; returns the shares burned."""
        asked = self._ready(owner, receiver)
        require(assets <= asked.value, NOT_ENOUGH_SHARES)
        supply, total = self._ratio(self.total_assets())
        shares = max(ceil_div(assets * supply, total), ceil_div(assets * asked.shares, asked.value))
        require(shares <= asked.shares, NOT_ENOUGH_SHARES)
        self._spend(caller, owner, shares)
        return self._pay(owner, asked, assets, shares)

    @act
    def redeem(self, caller: int, shares: int, receiver: int, owner: int) -> int:
        """Shares of a ready request in, assets out, rounded down; returns the assets."""
        asked = self._ready(owner, receiver)
        require(shares <= asked.shares, NOT_ENOUGH_SHARES)
        assets = self.payment(asked, shares)
        self._spend(caller, owner, shares)
        self._pay(owner, asked, assets, shares)
        return assets

    @act
    def redeem_for(self, caller: int, owner: int) -> int:
        """All of a ready request is paid to its owner; returns the assets."""
        asked = self._ready(owner, owner)
        assets = self.payment(asked, asked.shares)
        whole = assets >= asked.value or caller == owner or not self.clearinghouse.entries.value
        require(whole, "vault: losses are known")
        self._pay(owner, asked, assets, asked.shares)
        return assets

    def payment(self, asked: Request, shares: int) -> int:
        """What shares of a request are paid: no more than they are worth now, or were when it was made."""
        return min(self._worth(shares), asked.value * shares // asked.shares)

    def _worth(self, shares: int) -> int:
        supply, total = self._ratio(self.total_assets())
        return shares * total // supply

    def _ready(self, owner: int, receiver: int) -> Request:
        require(receiver != 0, RECEIVER_IS_ZERO)
        asked = self.requests[owner]
        require(asked.shares > 0 and self.clearinghouse.clock.now >= asked.ready, "vault: not ready")
        self.clearinghouse.collect()
        return asked

    def _check_room(self, assets: int) -> None:
        room = max(0, MAX_CASH // self.clearinghouse.quote_scale - self.gross_assets() - 1)
        require(assets <= room, "vault: above the limit")

    def _enter(self, assets: int, shares: int, receiver: int) -> None:
        house = self.clearinghouse
        require(shares > 0 and assets > 0, "vault: nothing to mint")
        require(receiver != 0, RECEIVER_IS_ZERO)
        house.deposit(self.address, self.account, assets)
        self.supply.value += shares
        self.balances[receiver] += shares

    def _pay(self, owner: int, asked: Request, assets: int, shares: int) -> int:
        house = self.clearinghouse
        require(assets > 0, NOTHING_TO_WITHDRAW)
        require(assets <= house.custody.value.held // house.quote_scale, "vault: not enough tokens")
        rest = asked.value * (asked.shares - shares) // asked.shares
        self.requests[owner] = Request(asked.shares - shares, rest, asked.ready) if rest else NO_REQUEST
        burned = shares if rest else asked.shares
        self.supply.value -= burned
        self.balances[self.address] -= burned
        house.withdraw(self.address, self.account, assets)
        return burned

    def _spend(self, caller: int, owner: int, shares: int) -> None:
        if owner != caller:
            allowance = self.allowances[owner, caller]
            require(shares <= allowance, "vault: not enough allowance")
            if allowance != UNLIMITED:
                self.allowances[owner, caller] = allowance - shares
