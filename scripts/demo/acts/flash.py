"""A flash bid: who has no quote takes collateral, sells it to a desk, and pays for it, all in one batch."""

from __future__ import annotations

from typing import NamedTuple

from keeper.model.requirement import Assessment

from ..mirror import Account
from .ground import ANY, WAD, Act
from .steps import bid, pay_in, withdraw_spot

DESK_BPS = 10
"""What the desk pays less than the index."""

LEAST_GAIN = 20 * WAD
ANY_COST = 2**255 - 1
BATCH_GAS = 4_000_000
WITHDRAW_GAS = 700_000


class _Plan(NamedTuple):
    gain: int
    account: int
    market: int
    fraction: int
    units: int
    paid: int


class Flash(Act):
    """Half of a borrower's largest slice goes to a wallet that owns nothing and whose account is empty."""

    name = "flash bid"
    who = "flash bidder"

    _plan: _Plan | None = None
    _bid: str = ""

    def transactions(self) -> list[str]:
        """A batch while there is a borrower to take from; then what the account has gained, to the wallet."""
        self._plan = None
        if self.block is not None:
            return []
        wallet = self.ground.actors.wallets["flash bidder"]
        if self._bid:
            return [self._withdrawal()]
        plans = [
            plan
            for account, book, assessment in self.ground.breached()
            if (plan := self._planned(account, book, assessment))
        ]
        if not plans:
            return []
        self._plan = plan = max(plans)
        desk, auction, batch = self.ground.actors.desk, self.ground.contract("Auction"), self.ground.contract("Batch")
        lot = (plan.account, plan.fraction, ANY_COST, 0, 0, ANY, ANY)
        steps = [
            bid(auction.encode_abi("bid", [wallet.account, [lot]])),
            withdraw_spot(wallet.account, plan.market, plan.units, desk),
            pay_in(desk, wallet.account, plan.paid),
        ]
        return [wallet.sign(str(batch.address), batch.encode_abi("batch", [[wallet.account], steps]), BATCH_GAS)]

    def _planned(self, account: int, book: Account, assessment: Assessment) -> _Plan | None:
        """What a slice of a borrower's one collateral would leave, sold to the desk at today's index."""
        deployment = self.ground.stage.deployment
        if len(book.holdings) != 1:
            return None
        ((market, holding),) = book.holdings.items()
        if holding.size or holding.cost or not holding.spot:
            return None
        asked = self.ground.quote(account, assessment).fraction_max // 2
        offer = self.ground.quote(account, assessment, asked)
        if not offer.fraction:
            return None
        decimals = deployment.token_decimals[deployment.symbol(market)]
        index = self.ground.moment().market(market)[0].index
        units = holding.spot * offer.fraction // WAD // 10 ** (18 - decimals)
        value = units * 10 ** (18 - decimals) * index // WAD
        paid = value * (10_000 - DESK_BPS) // 10_000 // 10 ** (18 - deployment.quote_decimals)
        debt = self.ground.mirror.cash(book) * offer.fraction // WAD
        gain = paid * 10 ** (18 - deployment.quote_decimals) + debt - offer.taker_pays
        return _Plan(gain, account, market, offer.fraction, units, paid) if gain >= LEAST_GAIN else None

    def _withdrawal(self) -> str:
        wallet, house = self.ground.actors.wallets["flash bidder"], self.ground.contract("Clearinghouse")
        cash = self.ground.mirror.cash(self.ground.mirror.accounts[wallet.account])
        units = cash // 10 ** (18 - self.ground.stage.deployment.quote_decimals)
        data = house.encode_abi("withdraw", [wallet.account, units, wallet.address])
        return wallet.sign(str(house.address), data, WITHDRAW_GAS)

    def look(self) -> None:
        """The bid, and a block later what the wallet has of it."""
        if self.block is not None:
            return
        wallet, deployment = self.ground.actors.wallets["flash bidder"], self.ground.stage.deployment
        taken = [event for event in self.ground.events("Taken") if event.args["taker"] == wallet.account]
        if self._plan is not None and taken:
            symbol = deployment.symbol(self._plan.market)
            amount = self._plan.units / 10 ** deployment.token_decimals[symbol]
            self._bid = (
                f"with an empty purse takes {taken[0].args['fraction'] / WAD:.1%} of "
                f"{self.called(self._plan.account)} at λ {taken[0].args['lambda_taker'] / WAD:.1%}, sells "
                f"{amount:,.4f} {symbol} to the desk for {self._plan.paid / 10**deployment.quote_decimals:,.2f}"
            )
        elif self._bid and (purse := self.ground.purse(wallet)) > 0:
            self.happened(f"{self._bid}, and keeps {purse:,.2f}")
