"""From a walk to its end: all markets given up, the protocol shut down, and everybody taking out what is theirs."""

from __future__ import annotations

from keeper.model.prices import MIN_PRICE
from keeper.model.words import RETIRED, Settings
from tests.model.actors import WAD
from tests.model.chain import number
from tests.model.operations import Operations
from tests.model.walk import QUOTE_SCALE
from tests.model.world import MAIN, MARKETS, SPOT_DECIMALS

STEP = 15
"""Seconds that a price counts for at most."""
CRASH = 0.6
BEFORE = ("deposit", "deposit_spot", "withdraw", "withdraw_spot", "settle", "open", "bid", "post", "remove", "batch")
SHARES = ("vault_request", "vault_redeem", "vault_redeem_for", "vault_deposit")
AFTER = ("absorb", "claim", "leave_in_kind", "settle", "withdraw_spot", "deposit", "remove", "collect", *SHARES)


class WindingFlow(Operations):
    """A walk that comes to an end."""

    def wallet_of(self, account: int) -> str:
        """Who acts for an account's owner; a stranger where that is the protocol itself."""
        owner = account >> 96
        if owner in (number(self.world.auction.address), number(self.world.vault.address)):
            return self.actors.stranger
        return self.actors.acts_for.get(owner, f"{owner:#042x}")

    def accounts(self) -> list[int]:
        """Every account there is."""
        return sorted(self.model.clearinghouse.accounts)

    def crash(self) -> None:
        """A fall that leaves some accounts with less than nothing, and nobody to take them."""
        self.data.true = [max(MIN_PRICE, int(price * CRASH)) for price in self.data.true]
        self.data.confirm()
        self.data.update(everywhere=True)

    def freeze(self) -> None:
        """Give up every market, average its prices for an hour in which nothing recovers, and freeze it."""
        low = self.data.true
        engine, owner = self.world.engines, self.actors.owner
        for market in range(MARKETS):
            self.world.both(
                "retire", engine.contract, "retire", (market,), owner, lambda m=market: engine.model.retire(m)
            )
        for _ in range(3_600 // STEP + 1):
            self.world.at(self.model.now + STEP)
            self.data.true = list(low)
            self.data.update(everywhere=True)
        for market in range(MARKETS):
            if market == MAIN:
                assert self.shut_down() == "vault: market not frozen"
            refusal = self.world.both(
                "freeze",
                engine.contract,
                "freeze",
                (market,),
                self.actors.anyone(),
                lambda m=market: engine.model.freeze(m),
            )
            assert not refusal
            assert engine.model.parameters[market].flags & RETIRED

    def stop_interest(self) -> None:
        """Rates of nothing from now on."""
        settings = Settings(kink=8_000, at_kink=0, at_full=0, reserve=1_000, band=500, max_fee=100)
        house, act = self.world.clearinghouse, self.model.clearinghouse.set_settings
        self.world.both("govern", house, "set_settings", (settings.pack(),), self.actors.owner, lambda: act(settings))

    def shut_down(self) -> str:
        """The end, or why it is not here yet."""
        auction, act = self.world.auction, self.model.winding.shut_down
        return self.world.both("shut_down", auction, "shut_down", (), self.actors.owner, act)

    def absorb(self, accounts: list[int] | None = None) -> str:
        """Some accounts, mostly such as owe something."""
        house = self.model.clearinghouse
        if accounts is None:
            owing = [account for account in self.accounts() if house.cash_now(account) < 0 or house.assess(account).mm]
            accounts = self.rng.choices(owing or self.accounts(), k=self.rng.randint(0, 6))
            accounts += self.rng.choices([*self.accounts(), self.model.winding.pool], k=self.rng.randint(0, 2))
        act = self.model.winding.absorb
        return self.world.both(
            "absorb", self.world.vault, "absorb", (accounts,), self.actors.anyone(), lambda: act(accounts)
        )

    def claim(self, account: int | None = None, caller: str = "") -> str:
        """An account's claim, by its owner or by anybody."""
        if account is None:
            account = self.rng.choice(self.accounts())
            caller = self.wallet_of(account) if self.rng.random() < 0.9 else self.actors.anyone()
        act = self.model.winding.claim
        return self.world.both(
            "claim", self.world.vault, "claim", (account,), caller, lambda: act(number(caller), account)
        )

    def leave_in_kind(self, caller: str = "") -> str:
        """A holder of shares takes part of the vault's account instead."""
        caller = caller or self.rng.choice([*self.actors.wallets, self.actors.stranger])
        act = self.model.winding.leave_in_kind
        return self.world.both(
            "leave_in_kind", self.world.vault, "leave_in_kind", (), caller, lambda: act(number(caller))
        )

    def one_of(self, kinds: tuple[str, ...]) -> None:
        """One random operation; a second passes, or none."""
        self.world.at(self.model.now + self.rng.randint(0, 1))
        getattr(self, self.rng.choice(kinds))()

    # To the end

    def settle_all(self) -> None:
        """Every position of every market, as far as it goes, losers first."""
        house = self.model.clearinghouse
        for market in range(MARKETS):
            holders = [account for account in self.accounts() if market in house.accounts[account].holdings]
            holders.sort(key=lambda account: -house.accounts[account].holdings[market].cost)
            for start in range(0, len(holders), 60):
                part = holders[start : start + 60]
                for _ in range(2):
                    self.world.both(
                        "settle",
                        self.world.clearinghouse,
                        "settle",
                        (market, part),
                        self.actors.anyone(),
                        lambda m=market, p=part: house.settle(m, p),
                    )

    def owing(self) -> list[int]:
        """Accounts that lack something, or owe."""
        house, pool = self.model.clearinghouse, self.model.winding.pool
        return [
            account
            for account in self.accounts()
            if account != pool and (house.cash_now(account) < 0 or house.assess(account).equity < 0)
        ]

    def make_whole(self) -> None:
        """Settle and absorb in turns until nobody owes anything; then nothing is left to be settled."""
        for _ in range(60):
            self.settle_all()
            owing = self.owing()
            if not owing and not any(stored.perps for stored in self.model.clearinghouse.accounts.rows.values()):
                return
            for start in range(0, len(owing), 16):
                assert not self.absorb(owing[start : start + 16])
        raise AssertionError(f"accounts owe for ever: {[hex(account) for account in self.owing()]}")

    def remove_all(self) -> None:
        """Standing bids go home."""
        auction = self.model.auction
        for bid, taker in list(auction.takers.rows.items()):
            if taker:
                caller = self.wallet_of(taker)
                self.world.both(
                    "remove",
                    self.world.auction,
                    "remove",
                    (bid,),
                    caller,
                    lambda b=bid, c=caller: auction.remove(number(c), b),
                )

    def claim_all(self) -> None:
        """Who has a unit to claim claims it, in random order."""
        house = self.model.clearinghouse
        claimable = [account for account in self.accounts() if house.cash_now(account) >= QUOTE_SCALE]
        self.rng.shuffle(claimable)
        mine = {self.model.vault.account, self.model.winding.pool}
        for account in claimable:
            if account not in mine and account >> 96 != number(self.world.auction.address):
                assert not self.claim(account, self.wallet_of(account))

    def withdraw_all_spot(self) -> None:
        """Every whole unit of every token leaves."""
        house = self.model.clearinghouse
        for account in self.accounts():
            for market, holding in sorted(house.accounts[account].holdings.items()):
                units = holding.spot // 10 ** (18 - SPOT_DECIMALS.get(market, 18))
                if units and account >> 96 != number(self.world.vault.address):
                    caller = self.wallet_of(account)
                    assert not self.act_for(account, "withdraw_spot", account, market, units, caller, caller=caller)

    def owners(self) -> list[str]:
        """Whoever tokens can go to."""
        return [*self.actors.wallets, self.actors.stranger, self.actors.owner, str(self.actors.contract_wallet.address)]

    def wealth(self) -> dict[int, int]:
        """Tokens that owners have outside, at the frozen prices, WAD."""
        wealth = {}
        for wallet in self.owners():
            worth = self.world.quote.balanceOf(wallet) * QUOTE_SCALE
            for market, token in self.world.tokens.items():
                spot = token.balanceOf(wallet) * 10 ** (18 - SPOT_DECIMALS[market])
                worth += spot * self.actors.index(market) // WAD
            wealth[number(wallet)] = worth
        return wealth

    def worth_of(self, account: int) -> int:
        """All that an account has at the frozen prices, WAD."""
        return self.model.clearinghouse.appraise(account).equity


assert QUOTE_SCALE == WAD // 10**6
