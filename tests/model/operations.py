"""Random operations on money, markets and shares: sensible enough to go deep, nasty enough to be refused often."""

from __future__ import annotations

from keeper.model.interest import MAX_CASH
from tests.model.actors import UNIT, WAD
from tests.model.batch_flow import BatchFlow
from tests.model.chain import number
from tests.model.market_data import MarketData
from tests.model.match_flow import MatchFlow
from tests.model.walk import QUOTE_SCALE
from tests.model.world import MARKETS, SPOT_DECIMALS, SPOT_ONLY

KINDS = {
    "deposit": 6,
    "withdraw": 9,
    "deposit_spot": 6,
    "withdraw_spot": 6,
    "settle": 7,
    "trade": 14,
    "fill": 16,
    "cross": 10,
    "cancel": 5,
    "cancel_below": 5,
    "open": 8,
    "bid": 14,
    "match": 12,
    "post": 6,
    "remove": 5,
    "sweep": 12,
    "batch": 12,
    "limit": 6,
    "collect": 5,
    "approve_operator": 5,
    "update": 8,
    "refresh": 5,
    "push": 8,
    "vault_deposit": 5,
    "vault_mint": 5,
    "vault_withdraw": 5,
    "vault_redeem": 5,
    "vault_request": 7,
    "vault_redeem_for": 5,
    "slice": 5,
    "govern": 5,
}
"""Every kind of operation and how often it comes."""


class Operations(MatchFlow, BatchFlow):
    """One random walk through the protocol; `step` does one operation on both sides."""

    data_class: type[MarketData] = MarketData

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.data = self.data_class(self.world, self.rng)
        self.kinds = [kind for kind, weight in KINDS.items() for _ in range(weight)]
        self._found()

    def _found(self) -> None:
        """Prices everywhere, lenders and takers with cash, a vault with cover, and an account in sixteen markets."""
        actors = self.actors
        for market in range(MARKETS):
            self.data.push(market, 1.0)
        self.data.update(everywhere=True)
        for accounts, quote in ((actors.lenders, 4_000_000), (actors.takers, 900_000)):
            for account in accounts:
                self.act_for(account, "deposit", account, quote * UNIT)
        for account in actors.traders:
            self.act_for(account, "deposit", account, self.rng.choice([100, 5_000, 60_000]) * UNIT)
        lender = actors.wallets[-1]
        self.vault_act("deposit", (250_000 * UNIT, lender), lender)
        crowded, rich = actors.traders[3], actors.traders[7]
        for account in (crowded, rich):
            self.act_for(account, "deposit", account, 5_000 * UNIT)
        for market in [market for market in range(MARKETS) if market != SPOT_ONLY][:16]:
            price = actors.index(market)
            self.trade_act(market, crowded, rich, 60 * WAD * WAD // price, price, (0, 0))

    def step(self) -> None:
        """Let some time pass, or none, and do one operation."""
        self.data.pass_time()
        kind = self.rng.choice(self.kinds)
        if kind in ("bid", "open", "sweep", "match") and self.rng.random() < 0.6 and not self.actors.sighted():
            self.data.shake()
        getattr(self, kind)()

    # Cash and collateral

    def deposit(self) -> None:
        account = self.actors.account()
        amount = self.actors.units(self.rng.choice([1, 50, 3_000, 40_000]) * self.rng.randint(1, 10**18), QUOTE_SCALE)
        self.act_for(account, "deposit", account, amount, caller=self.actors.anyone())

    def withdraw(self) -> None:
        account = self.actors.account()
        assessment = self.actors.assess(account)
        free = assessment.equity - assessment.claims - assessment.down - assessment.im
        wanted = self.rng.choice([free, free * self.rng.randint(0, 100) // 100, free // 20, free + QUOTE_SCALE])
        if self.rng.random() < 0.05:
            wanted = self.model.clearinghouse.custody.value.held + QUOTE_SCALE * self.rng.randint(-1, 1)
        amount = self.actors.units(wanted, QUOTE_SCALE)
        self.act_for(account, "withdraw", account, amount, self.actors.anyone())

    def _spot_market(self) -> tuple[int, int]:
        market = self.rng.choice([*SPOT_DECIMALS] * 4 + [0, 1, 1, 1, self.actors.market()])
        return market, 10 ** (18 - SPOT_DECIMALS.get(market, 18))

    def deposit_spot(self) -> None:
        account = self.actors.account()
        market, scale = self._spot_market()
        worth = self.rng.choice([1, 300, 20_000, 500_000]) * self.rng.randint(1, 10**18)
        amount = self.actors.units(worth * WAD // self.actors.index(market), scale)
        self.act_for(account, "deposit_spot", account, market, amount)

    def withdraw_spot(self) -> None:
        account = self.actors.account()
        market, scale = self._spot_market()
        held = [m for m, holding in self.model.clearinghouse.accounts[account].holdings.items() if holding.spot]
        if held and self.rng.random() < 0.9:
            market = self.rng.choice(held)
            scale = 10 ** (18 - SPOT_DECIMALS[market])
        spot = self.actors.holding(account, market).spot
        wanted = self.rng.choice([spot, spot * self.rng.randint(0, 100) // 100, spot // 20, spot + scale])
        amount = self.actors.units(wanted, scale)
        self.act_for(account, "withdraw_spot", account, market, amount, self.actors.anyone())

    def settle(self) -> None:
        market = self.actors.market()
        holders = self.actors.with_position(market) if market < MARKETS else []
        self.rng.shuffle(holders)
        accounts = holders[: self.rng.randint(0, 6)] + self.rng.choices(self.actors.all, k=self.rng.randint(0, 2))
        model = self.model.clearinghouse
        self.world.both(
            "settle",
            self.world.clearinghouse,
            "settle",
            (market, accounts),
            self.actors.anyone(),
            lambda: model.settle(market, accounts),
        )

    def collect(self) -> None:
        model = self.model.clearinghouse
        self.world.both("collect", self.world.clearinghouse, "collect", (), self.actors.anyone(), model.collect)

    def approve_operator(self) -> None:
        caller, operator = self.rng.sample(self.actors.wallets, 2)
        allowed = self.rng.random() < 0.4
        args = (number(caller), number(operator), allowed)
        model, house = self.model.clearinghouse, self.world.clearinghouse
        self.world.both(
            "approve_operator",
            house,
            "approve_operator",
            (operator, allowed),
            caller,
            lambda: model.approve_operator(*args),
        )

    # Prices

    def update(self) -> None:
        self.data.update()

    def refresh(self) -> None:
        self.data.refresh()

    def push(self) -> None:
        self.data.push_some()

    # Shares

    def _receiver(self) -> str:
        return self.actors.anyone() if self.rng.random() < 0.97 else "0x" + "00" * 20

    def _share_owner(self) -> tuple[str, str]:
        caller = self.actors.anyone()
        if self.rng.random() < 0.8:
            holders = [wallet for wallet in self.actors.wallets if self.model.vault.balances[number(wallet)]]
            caller = self.rng.choice(holders or [caller])
        owner = caller if self.rng.random() < 0.95 else self.actors.anyone()
        return caller, owner

    def vault_deposit(self) -> None:
        amount = self.actors.units(self.rng.choice([1, 300, 9_000, 80_000]) * self.rng.randint(1, 10**18), QUOTE_SCALE)
        self.vault_act("deposit", (amount, self._receiver()), self.actors.anyone())

    def vault_mint(self) -> None:
        shares = self.rng.choice([0, 1, 10**6, 10**11, self.rng.randint(1, 10**16), MAX_CASH])
        self.vault_act("mint", (shares, self._receiver()), self.actors.anyone())

    def vault_request(self) -> None:
        caller, owner = self._share_owner()
        balance = self.model.vault.balances[number(owner)]
        shares = self.rng.choice(
            [balance // 3, balance * self.rng.randint(0, 100) // 100, balance // 10, balance + 1, 1]
        )
        if self.rng.random() < 0.1:
            self._approve(owner, shares)
        self.vault_act("request", (shares, owner), caller)

    def vault_withdraw(self) -> None:
        caller, owner = self._leaver()
        asked = self.model.vault.requests[number(owner)]
        most = self.model.vault.payment(asked, asked.shares) if asked.shares else 5
        amount = self.rng.choice([most, most * self.rng.randint(0, 100) // 100, most // 10, most + 1, 1])
        self.vault_act("withdraw", (amount, self._receiver(), owner), caller)

    def vault_redeem(self) -> None:
        caller, owner = self._leaver()
        shares = self.model.vault.requests[number(owner)].shares
        amount = self.rng.choice([shares, shares * self.rng.randint(0, 100) // 100, shares // 10, shares + 1, 1])
        self.vault_act("redeem", (amount, self._receiver(), owner), caller)

    def vault_redeem_for(self) -> None:
        self.vault_act("redeem_for", (self._leaver()[1],), self.actors.anyone())

    def _leaver(self) -> tuple[str, str]:
        """Who acts on whose request: mostly the owner on one that is ready."""
        now, requests = self.model.now, self.model.vault.requests
        leaving = [wallet for wallet in self.actors.wallets if requests[number(wallet)].shares]
        ready = [wallet for wallet in leaving if requests[number(wallet)].ready <= now]
        owner = self.rng.choice((ready if self.rng.random() < 0.9 else leaving) or self.actors.wallets)
        if self.rng.random() < 0.1:
            caller = self.actors.anyone()
            if self.rng.random() < 0.5:
                self._approve(owner, 10**30, caller)
            return caller, owner
        return owner, owner

    def _approve(self, owner: str, shares: int, spender: str = "") -> None:
        self.vault_act("approve", (spender or self.actors.anyone(), shares), owner)
