"""The insurance vault's acts: shares over its account's cash (docs/exact.md, 8)."""

from __future__ import annotations

from .clearinghouse import Clearinghouse
from .interest import MAX_CASH
from .rounding import ceil_div
from .state import Cell, Journal, Table, act, require

VIRTUAL_SHARES = 10**6
VIRTUAL_ASSETS = 1
UNLIMITED = 2**256 - 1
RECEIVER_IS_ZERO = "vault: receiver is zero"


class Vault:
    """ERC-4626 over the quote token; amounts of assets are token units, conversions round against the caller."""

    def __init__(self, journal: Journal, clearinghouse: Clearinghouse, address: int) -> None:
        self.journal = journal
        self.clearinghouse = clearinghouse
        self.address = address
        self.account = address << 96
        self.supply = Cell[int](journal, "shares", 0)
        self.balances = Table[int, int](journal, "share_balances", 0)
        self.allowances = Table[tuple[int, int], int](journal, "share_allowances", 0)

    def total_assets(self) -> int:
        """Cash and uncollected interest as of now, in token units, rounded down."""
        house = self.clearinghouse
        before = house.journal.begin()
        try:
            house.accrue()
            cash = house.worth(house.accounts[self.account].principal)
            reserve = house.custody.value.reserve
            total = house.rounded(cash + reserve) if reserve else cash
        finally:
            house.journal.undo(before)
        return total // house.quote_scale

    def _ratio(self) -> tuple[int, int]:
        return self.supply.value + VIRTUAL_SHARES, self.total_assets() + VIRTUAL_ASSETS

    @act
    def deposit(self, caller: int, assets: int, receiver: int) -> int:
        """Assets in, shares out, rounded down; returns the shares."""
        self.clearinghouse.collect()
        self._check_room(assets)
        shares, total = self._ratio()
        minted = assets * shares // total
        self._enter(assets, minted, receiver)
        return minted

    @act
    def mint(self, caller: int, shares: int, receiver: int) -> int:
        """Shares out for assets, rounded up; returns the assets."""
        self.clearinghouse.collect()
        supply, total = self._ratio()
        assets = ceil_div(shares * total, supply)
        self._check_room(assets)
        self._enter(assets, shares, receiver)
        return assets

    @act
    def approve(self, caller: int, spender: int, shares: int) -> None:
        """The caller lets `spender` burn so many of its shares."""
        self.allowances[caller, spender] = shares

    @act
    def withdraw(self, caller: int, assets: int, receiver: int, owner: int) -> int:
        """Assets out for the owner's shares, rounded up; returns the shares."""
        self.clearinghouse.collect()
        supply, total = self._ratio()
        burned = ceil_div(assets * supply, total)
        self._leave(caller, assets, burned, receiver, owner)
        return burned

    @act
    def redeem(self, caller: int, shares: int, receiver: int, owner: int) -> int:
        """The owner's shares in, assets out, rounded down; returns the assets."""
        self.clearinghouse.collect()
        supply, total = self._ratio()
        assets = shares * total // supply
        self._leave(caller, assets, shares, receiver, owner)
        return assets

    def _check_room(self, assets: int) -> None:
        room = max(0, MAX_CASH // self.clearinghouse.quote_scale - self.total_assets() - 1)
        require(assets <= room, "vault: above the limit")

    def _enter(self, assets: int, shares: int, receiver: int) -> None:
        house = self.clearinghouse
        require(shares > 0 and assets > 0, "vault: nothing to mint")
        require(receiver != 0, RECEIVER_IS_ZERO)
        house.deposit(self.address, self.account, assets)
        self.supply.value += shares
        self.balances[receiver] += shares

    def _leave(self, caller: int, assets: int, shares: int, receiver: int, owner: int) -> None:
        house = self.clearinghouse
        require(assets > 0 and shares > 0, "vault: nothing to withdraw")
        require(receiver != 0, RECEIVER_IS_ZERO)
        require(shares <= self.balances[owner], "vault: not enough shares")
        require(assets <= house.custody.value.held // house.quote_scale, "vault: not enough tokens")
        if owner != caller:
            allowance = self.allowances[owner, caller]
            require(shares <= allowance, "vault: not enough allowance")
            if allowance != UNLIMITED:
                self.allowances[owner, caller] = allowance - shares
        self.supply.value -= shares
        self.balances[owner] -= shares
        house.withdraw(self.address, self.account, assets)
