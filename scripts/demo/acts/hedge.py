"""A hedge unwound in one batch: spot, the short against it and the loan on both go, where no leg could go alone."""

from __future__ import annotations

from ..opening import MAX_FEE_BPS, WITHDRAW_GAS, fields_of
from .flash import BATCH_GAS, DESK_BPS
from .ground import WAD, Act, Ground
from .steps import fill, pay_in, withdraw_spot

MARKET = "eth"
AFTER = 8
"""It happens once an eighth of the path is played: no price need call for it."""

ASKED_BPS = 5
"""What the maker asks above the index."""

REFUSED = "clearinghouse: below initial margin"
FILL_GAS = 1_500_000


class Unwind(Act):
    """The hedger sells its spot to the desk, buys its short back and repays its loan."""

    name = "hedge unwound"
    who = "hedger"
    missing = "the batch was not done"

    def __init__(self, ground: Ground) -> None:
        """Nothing was asked of the chain yet."""
        super().__init__(ground)
        self._alone: list[str] = []
        self._what = ""

    def transactions(self) -> list[str]:
        """Ask the chain for each leg alone; then send them all in one batch."""
        self._what = ""
        if self.block is not None or self.ground.step < self.ground.path.steps // AFTER:
            return []
        deployment, batch = self.ground.stage.deployment, self.ground.contract("Batch")
        wallet, market = self.ground.actors.wallets["hedger"], deployment.markets[MARKET]
        house, exchange = self.ground.contract("Clearinghouse"), self.ground.contract("Exchange")
        account = self.ground.mirror.accounts[wallet.account]
        holding, index = account.holdings[market], self.ground.moment().market(market)[0].index

        size = -holding.size
        order, signature = self.ground.opening.order(
            self.ground.members[f"maker {MARKET}"], MARKET, -size, index * (10_000 + ASKED_BPS) // 10_000
        )
        purchase = exchange.encode_abi("fill", [fields_of(order), signature, wallet.account, size, MAX_FEE_BPS])
        units = holding.spot // 10 ** (18 - deployment.token_decimals[MARKET])
        alone = house.encode_abi("withdraw_spot", [wallet.account, market, units, wallet.address])
        self._alone = [
            self.ground.refusal(wallet, exchange, purchase, FILL_GAS),
            self.ground.refusal(wallet, house, alone, WITHDRAW_GAS),
        ]
        scale = 10 ** (18 - deployment.quote_decimals)
        paid = holding.spot * index // WAD * (10_000 - DESK_BPS) // 10_000 // scale
        steps = [
            fill(str(exchange.address), purchase),
            withdraw_spot(wallet.account, market, units, self.ground.actors.desk),
            pay_in(self.ground.actors.desk, wallet.account, paid),
        ]
        debt = -self.ground.mirror.cash(account) / WAD
        self._what = (
            f"{holding.spot / WAD:,.4f} {MARKET} sold, a short of as much bought back and a loan of {debt:,.2f} repaid"
        )
        return [wallet.sign(str(batch.address), batch.encode_abi("batch", [[wallet.account], steps]), BATCH_GAS)]

    def look(self) -> None:
        """Whether the account is rid of both legs, and neither could have gone by itself."""
        account = self.ground.mirror.accounts[self.ground.actors.wallets["hedger"].account]
        gone = all(not holding.spot and not holding.size for holding in account.holdings.values())
        cash = self.ground.mirror.cash(account)
        if self._what and gone and cash > 0 and set(self._alone) == {REFUSED}:
            self.happened(f"{self._what}: {cash / WAD:,.2f} left. Each leg alone is refused: {REFUSED}")
