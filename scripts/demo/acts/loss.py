"""A loss that the vault cannot pay: known before it is taken, paid for by who leaves meanwhile, then shared by all."""

from __future__ import annotations

from collections.abc import Iterator

from ..opening import WITHDRAW_GAS, to_units
from ..population import LEAST_HEALTH, World, cents
from ..settings import MARKETS
from .flash import ANY_COST
from .ground import ANY, WAD, Act, Ground

MARKET = "sol"
NOTIONAL = 4_000_000
FEES_BPS = 10
FUNDED_BEFORE = 12
"""Blocks before the gap when the whale and who sells to it bring their money; a block later they trade."""

SELLER_PURSE = 3_000_000 * WAD
BACKSTOP_SECONDS = 100
"""Age of an auction at which the backstop takes what nobody else has, though no vault pays for it."""

MOST_LOTS = 8
BID_GAS = 8_000_000
LEAVER = "lender 0"
LEAVES_WITH = 100_000 * WAD


class SharedLoss(Act):
    """A whale as long as its margin lets it be, on the eve of the gap: whoever takes it, the vault is not enough."""

    name = "shared loss"
    who = "the vault and all who lend"
    missing = "no loss was more than the vault had"

    def __init__(self, ground: Ground) -> None:
        """Nothing is known yet."""
        super().__init__(ground)
        self._size = 0
        self._known = 0
        self._rate = WAD
        self._purse: float | None = None
        self._left = ""
        self._shared = 0
        self._losers: set[int] = set()
        self._takers: set[int] = set()
        self._supply = WAD

    def transactions(self) -> list[str]:
        """Open the whale before the gap; have a lender leave once the loss is known."""
        gap, step = self.ground.path.second_gap, self.ground.step
        if not self._shared:
            self._supply = self.ground.mirror.indices.supply
        if gap is not None and step == gap - FUNDED_BEFORE:
            return list(self._funding())
        if gap is not None and step == gap - FUNDED_BEFORE + 1:
            return list(self._trade())
        if self._rate < WAD and self._purse is None:
            return [self._departure()]
        return self._takings() if self._known > self._vault() else []

    def _funding(self) -> Iterator[str]:
        moment, numbers = self.ground.moment(), self.ground.stage.deployment.markets
        prices = {name: moment.market(numbers[name])[0].index for name in MARKETS}
        risk = self.ground.mirror.risk
        assert risk is not None
        world = World(prices, {name: self.ground.mirror.parameters[numbers[name]] for name in MARKETS}, risk)
        self._size = NOTIONAL * WAD * WAD // prices[MARKET]
        margin = LEAST_HEALTH * world.requirement({}, {MARKET: self._size}) + NOTIONAL * WAD * FEES_BPS / 10_000
        wallets = self.ground.actors.wallets
        yield from self.ground.opening.quote_deposit(wallets["late whale"], cents(margin))
        yield from self.ground.opening.quote_deposit(wallets["late seller"], SELLER_PURSE)

    def _trade(self) -> Iterator[str]:
        opening, wallets = self.ground.opening, self.ground.actors.wallets
        price = self.ground.moment().market(self.ground.stage.deployment.markets[MARKET])[0].index
        bought = opening.order(wallets["late whale"], MARKET, self._size, price)
        sold = opening.order(wallets["late seller"], MARKET, -self._size, price)
        yield opening.cross(bought, sold, self._size)

    def _departure(self) -> str:
        house, lender = self.ground.contract("Clearinghouse"), self.ground.members[LEAVER]
        self._purse = self.ground.purse(lender)
        units = to_units(LEAVES_WITH, self.ground.stage.deployment.quote_decimals)
        data = house.encode_abi("withdraw", [lender.account, units, lender.address])
        return lender.sign(str(house.address), data, WITHDRAW_GAS)

    def _takings(self) -> list[str]:
        """One bid of the backstop's for all that has been for sale that long and owns less than nothing."""
        mirror, backstop = self.ground.mirror, self.ground.actors.wallets["backstop"]
        now = self.ground.next_time
        left = [
            account
            for account, assessment in self.ground.stage.observer.assessments.items()
            if assessment.equity < 0
            and assessment.sighted
            and mirror.sighted(account, now)
            and now - mirror.runs[account].start >= BACKSTOP_SECONDS
        ]
        if not left:
            return []
        auction = self.ground.contract("Auction")
        lots = [(account, WAD, ANY_COST, 0, 0, ANY, ANY) for account in left[:MOST_LOTS]]
        return [backstop.sign(str(auction.address), auction.encode_abi("bid", [backstop.account, lots]), BID_GAS)]

    def look(self) -> None:
        """What is known, what leaving is worth, what was shared."""
        for event in self.ground.events("EntriesChanged"):
            self._known = event.args["entries"]
        covered = self._vault()
        if self._purse is not None and not self._left:
            paid = self.ground.purse(self.ground.members[LEAVER]) - self._purse
            self._left = f"{LEAVER} leaves with {LEAVES_WITH / WAD:,.0f} and is paid {paid:,.2f}"
        if self._known > covered and not self._shared:
            rate = self.ground.number(self.ground.contract("Clearinghouse"), "exit_rate")
            self._rate = min(self._rate, rate)
        losses = [event.args for event in self.ground.events("LossShared")]
        if not losses:
            return
        self._shared += sum(loss["loss"] for loss in losses)
        losers = {loss["account"] for loss in losses}
        self._losers |= losers
        self._takers |= {e.args["taker"] for e in self.ground.events("Taken") if e.args["account"] in losers}
        supply = self.ground.mirror.indices.supply
        self.happened(
            f"{self._all(self._losers)} taken over by {self._all(self._takers)} with {covered / WAD:,.2f} left in the "
            f"vault: {self._shared / WAD:,.2f} of loss shared, supply index {self._supply / WAD:.6f} -> "
            f"{supply / WAD:.6f}. Before that leaving was worth as little as {self._rate / WAD:.6f}: "
            f"{self._left or 'nobody left'}"
        )

    def _all(self, accounts: set[int]) -> str:
        return ", ".join(sorted(self.called(account) for account in accounts))

    def _vault(self) -> int:
        """What the vault has, with what is its and not in its account yet."""
        mirror = self.ground.mirror
        account = mirror.accounts.get(self.ground.stage.observer.vault)
        return (mirror.cash(account) if account else 0) + mirror.custody.reserve
