"""One actor, its accounts and orders with itself, at frozen prices and in one second: it must not end with more.

What it may gain is counted exactly: the discount that the vault pays for its own accounts, which prices broke, and the
bond of a standing bid that a sweep finds without its margin. Rewards for relieving others are no part of this: the
actor sights, takes, matches and sweeps nobody but itself (the design's 12.9).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple
from functools import partial
from typing import Any

from eth_abi.abi import encode

from keeper.model.auction import clock_start, lambda_at, run_continues
from keeper.model.auction_house import Lot
from keeper.model.batch import Step
from keeper.model.rounding import BPS, WAD
from tests.model.chain import NOBODY, number
from tests.model.signing import SignedOrder
from tests.model.walk import QUOTE_SCALE
from tests.model.world import MAIN, MARKETS, SPOT_DECIMALS
from tests.stateful.invariants import Broken
from tests.stateful.trials import TrialFlow

GAIN = "9 nobody gains from itself at unchanged prices"
DUST_AN_ACT = 4 * QUOTE_SCALE
"""A unit of the quote token is the least that shares and withdrawals are rounded to."""
MOST = 10**40
ALONE = (
    "fill",
    "fill",
    "hand_over",
    "hand_over",
    "withdraw",
    "deposit",
    "withdraw_spot",
    "deposit_spot",
    "settle",
    "open",
    "bid",
    "bid",
    "match",
    "sweep",
    "post",
    "remove",
    "batch",
    "batch",
    "vault_deposit",
    "vault_request",
    "vault_redeem",
    "collect",
)


class AdversaryFlow(TrialFlow):
    """A walk in which now and then one wallet does several acts in a row, all with itself."""

    def adversary(self) -> None:
        """A short sequence of one actor's acts."""
        rng, world = self.rng, self.world
        if rng.random() < 0.5 and not self.actors.sighted():
            self.data.shake()
        sighted = [account for account in self.actors.sighted() if account in self.actors.traders[:-1]]
        chosen = rng.choice(sighted) if sighted and rng.random() < 0.7 else rng.choice(self.actors.all[:-1])
        wallet = self.actors.acts_for[chosen >> 96]
        self.me, self.mine = wallet, [account for account in self.actors.all if account >> 96 == number(wallet)]
        before, bonds = self._wealth(), world.bonds
        discount = sum(map(self._discount, self.mine))
        acts = 0

        def compare() -> None:
            self._compare_wealth(before, discount + world.bonds - bonds, acts)

        # What should have been refused may have paid already.
        world.on_error = partial(self.noted, compare)
        try:
            for _ in range(rng.randint(2, 7)):
                acts += 1
                getattr(self, f"_my_{rng.choice(ALONE)}")()
        finally:
            world.on_error = lambda: None
        compare()

    def noted(self, check: Callable[[], None]) -> None:
        """Do a check; where a broken invariant does not end the walk it is noted."""
        try:
            check()
        except Broken as broken:
            if not self.world.goes_on:
                raise
            self.world.wrong.append(broken)

    def _discount(self, account: int) -> int:
        """The most that the vault pays of λ for an account in breach beyond what the account has, at this moment."""
        found, auction = self.world.assess(account), self.model.auction
        if not found.sighted:
            return 0
        run, terms, now = auction.runs[account], auction.terms.value, self.model.now
        if not run_continues(run, terms, now):
            return 0
        seconds = now - clock_start(run, terms, now)
        rate = lambda_at(auction.curves.value[run.curve], seconds)
        own = max(0, min(rate, found.equity * WAD // found.mm))
        return max(0, rate * min(seconds, terms.backstop) // terms.backstop - own) * found.mm // WAD

    def _compare_wealth(self, before: int, exceptions: int, acts: int) -> None:
        gain, allowed = self._wealth() - before, exceptions + acts * DUST_AN_ACT
        recent = "\n".join(list(self.world.recent)[-acts:])
        self.world.holds(GAIN, gain <= allowed, f"{self.me} gained {gain} of {allowed} by\n{recent}")

    def _wealth(self) -> int:
        """
        Tokens in the wallet, all accounts of its own and of its standing bids, and its shares: WAD.

        An account with less than nothing counts as nothing: its owner owes no more, and may leave it to the others.
        """
        world, me = self.world, number(self.me)
        worth = world.quote.balanceOf(self.me) * QUOTE_SCALE
        for market, token in world.tokens.items():
            spot = token.balanceOf(self.me) * 10 ** (18 - SPOT_DECIMALS[market])
            worth += spot * self.actors.index(market) // WAD
        accounts = {account for account in world.mirror.accounts if account >> 96 == me}
        auction = self.model.auction
        bids = {auction.account_of(bid) for bid, taker in auction.takers.rows.items() if taker >> 96 == me}
        own = sum(max(0, world.worth(account)) for account in accounts | bids)
        return worth + own + world.worth_of_shares(me)

    # What it does

    def _my_two(self) -> tuple[int, int]:
        first, second = self.rng.sample(self.mine, 2) if len(self.mine) > 1 else (self.mine[0], self.mine[0])
        return first, second

    def _my_price(self, market: int) -> int:
        """A price at the edge of the band, or anywhere in it."""
        band, index = self.model.clearinghouse.settings.value.band, self.actors.index(market)
        off = self.rng.choice([band, -band, self.rng.randint(-band, band)])
        return index + index * off // BPS

    def _my_size(self, account: int, market: int) -> int:
        held = self.actors.holding(account, market).size
        if held and self.rng.random() < 0.6:
            return self.actors.reducing(account, market)
        return self.actors.affordable(account, market)

    def _my_order(self, account: int, market: int, size: int, price: int) -> SignedOrder:
        return self.make(account, market, size, price)

    def _my_market(self) -> int:
        held = [market for account in self.mine for market in self.model.clearinghouse.accounts[account].holdings]
        return self.rng.choice(held) if held and self.rng.random() < 0.6 else self.rng.randrange(MAIN - 1)

    def _my_fill(self) -> None:
        taker, maker = self._my_two()
        if self.rng.random() < 0.5 and len(self.mine) > 1:
            taker = self._victim()
            maker = self.rng.choice([account for account in self.mine if account != taker])
        market = self._my_market()
        held = [m for m, holding in self.model.clearinghouse.accounts[taker].holdings.items() if holding.size]
        if held and self.rng.random() < 0.7:
            market = self.rng.choice(held)
        size = self._my_size(taker, market)
        signed = self._my_order(maker, market, -size, self._my_price(market))
        act, caller, amount = self.model.exchange.fill, number(self.me), abs(size)
        self.world.both(
            "fill",
            self.world.exchange,
            "fill",
            (*signed.call, taker, amount, 100),
            self.me,
            lambda: act(caller, signed.model, taker, amount, 100),
        )

    def _my_hand_over(self) -> None:
        """An account that is lost closes its largest position at the worst price, to another of the same owner."""
        victim, holdings = self._victim(), self.model.clearinghouse.accounts
        sizes = {market: holding.size for market, holding in holdings[victim].holdings.items() if holding.size}
        others = [account for account in self.mine if account != victim]
        if not sizes or not others:
            return
        market = max(sizes, key=lambda one: abs(sizes[one]) * self.actors.index(one))
        band, index = self.model.clearinghouse.settings.value.band, self.actors.index(market)
        price = index - index * band // BPS if sizes[market] > 0 else index + index * band // BPS
        maker = max(others, key=lambda one: self.actors.assess(one).equity)
        self.act_for(maker, "deposit", maker, 10**12, caller=self.me)
        amount = abs(sizes[market]) * self.rng.choice([100, 100, 50]) // 100
        size = amount if sizes[market] > 0 else -amount
        signed = self._my_order(maker, market, size, price)
        act, caller = self.model.exchange.fill, number(self.me)
        self.world.both(
            "fill",
            self.world.exchange,
            "fill",
            (*signed.call, victim, amount, 100),
            self.me,
            lambda: act(caller, signed.model, victim, amount, 100),
        )

    def _my_free(self, account: int) -> int:
        found = self.actors.assess(account)
        return found.equity - found.claims - found.down - found.im

    def _my_withdraw(self) -> None:
        account = self.rng.choice(self.mine)
        units = min(MOST, max(0, self._my_free(account)) // QUOTE_SCALE * self.rng.choice([100, 100, 101, 50]) // 100)
        self.act_for(account, "withdraw", account, units, self.me, caller=self.me)

    def _my_deposit(self) -> None:
        account = self.rng.choice(self.mine)
        self.act_for(account, "deposit", account, self.rng.randint(1, 5_000 * 10**6), caller=self.me)

    def _my_spot(self) -> tuple[int, int]:
        market = self.rng.choice([*SPOT_DECIMALS])
        return market, 10 ** (18 - SPOT_DECIMALS[market])

    def _my_withdraw_spot(self) -> None:
        account = self.rng.choice(self.mine)
        market, scale = self._my_spot()
        units = self.actors.holding(account, market).spot * self.rng.choice([100, 100, 30]) // 100 // scale
        self.act_for(account, "withdraw_spot", account, market, units, self.me, caller=self.me)

    def _my_deposit_spot(self) -> None:
        account = self.rng.choice(self.mine)
        market, scale = self._my_spot()
        units = self.rng.randint(1, 9_000) * WAD * WAD // self.actors.index(market) // scale
        self.act_for(account, "deposit_spot", account, market, units, caller=self.me)

    def _my_settle(self) -> None:
        market = self._my_market()
        holders = self.actors.with_position(market) if market < MARKETS else []
        accounts = [*self.rng.sample(holders, min(3, len(holders))), *self.mine][:8]
        self.rng.shuffle(accounts)
        act, house = self.model.clearinghouse.settle, self.world.clearinghouse
        self.world.both("settle", house, "settle", (market, accounts), self.me, lambda: act(market, accounts))

    def _my_open(self) -> None:
        act, caller = self.model.auction.open, number(self.me)
        self.world.both("open", self.world.auction, "open", (self.mine,), self.me, lambda: act(caller, self.mine))

    def _victim(self) -> int:
        sighted = [account for account in self.mine if self.actors.assess(account).sighted]
        return self.rng.choice(sighted or self.mine)

    def _my_bid(self) -> None:
        victim = self._victim()
        takers = [account for account in self.mine if account != victim]
        if not takers:
            return
        taker, lot = self.rng.choice(takers), Lot(victim, self.rng.choice([WAD, WAD, WAD // 3]))
        act, caller = self.model.auction.bid, number(self.me)
        args = (taker, [astuple(lot)])
        self.world.both("bid", self.world.auction, "bid", args, self.me, lambda: act(caller, taker, [lot]))

    def _my_match(self) -> None:
        victim = self._victim()
        makers = [account for account in self.mine if account != victim]
        markets = [m for m, holding in self.model.clearinghouse.accounts[victim].holdings.items() if holding.size]
        if not makers or not markets:
            return
        market = self.rng.choice(markets)
        size = self.actors.reducing(victim, market)
        signed = self._my_order(self.rng.choice(makers), market, -size, self._my_price(market))
        act, exchange, caller = self.model.auction.match, self.model.exchange, number(self.me)
        args = (victim, self.world.exchange.address, [(*signed.call, abs(size))])
        told = [(signed.model, abs(size))]
        self.world.both(
            "match", self.world.auction, "match", args, self.me, lambda: act(caller, victim, exchange, told)
        )

    def _my_sweep(self) -> None:
        victim, act, caller = self._victim(), self.model.auction.sweep, number(self.me)
        self.world.both("sweep", self.world.auction, "sweep", (victim, 8), self.me, lambda: act(caller, victim, 8))

    def _my_post(self) -> None:
        taker = self.rng.choice(self.mine)
        capacity = self.rng.choice([30, 900, 5_000]) * self.rng.randint(1, WAD)
        iota = self.model.engine.risk.value.iota
        cash = max(capacity, 16 * self.model.engine.risk.value.min_requirement * 10**16) * (10 * iota + 10**6) // 10**5
        args = (taker, 0, capacity, 1, 2**16 - 1, 10**6, cash + 6 * WAD)
        act, caller = self.model.auction.post, number(self.me)
        self.world.both("post", self.world.auction, "post", args, self.me, lambda: act(caller, *args))

    def _my_remove(self) -> None:
        bids = [bid for bid, taker in self.model.auction.takers.rows.items() if taker in self.mine]
        if not bids:
            return
        bid, act, caller = self.rng.choice(bids), self.model.auction.remove, number(self.me)
        self.world.both("remove", self.world.auction, "remove", (bid,), self.me, lambda: act(caller, bid))

    def _my_batch(self) -> None:
        """Cash out first and back at the end, fills with itself in between, its own account taken: in any order."""
        accounts = self.mine[:4]
        told = [self._my_step(self.rng.choice(accounts)) for _ in range(self.rng.randint(1, 5))]
        act, caller, modelled = self.model.batch.batch, number(self.me), [step for step, _ in told]
        args = (accounts, [step for _, step in told])
        self.world.both("batch", self.world.batch, "batch", args, self.me, lambda: act(caller, accounts, modelled))

    def _my_step(self, account: int) -> tuple[Step, tuple[Any, ...]]:
        kind = self.rng.choice([1, 2, 2, 5, 6, 6, 6, 7])
        if kind in (1, 2):
            units = min(MOST, abs(self._my_free(account)) // QUOTE_SCALE + self.rng.randint(0, 10**9))
            return Step(kind, account, 0, units), (kind, self.me, account, 0, units, b"")
        if kind == 5:
            market = self._my_market()
            data = encode(["uint256", "uint256[]"], [market, self.mine])
            return Step(5, market=market, data=self.mine), (5, NOBODY, 0, 0, 0, data)
        others = [one for one in self.mine if one != account]
        if kind == 7 or not others:
            lot = Lot(self._victim(), WAD)
            data = self.world.auction.bid.prepare_calldata(account, [astuple(lot)])
            return Step(7, data=(account, [lot])), (7, NOBODY, 0, 0, 0, data)
        market = self._my_market()
        size = self._my_size(account, market)
        signed = self._my_order(self.rng.choice(others), market, -size, self._my_price(market))
        exchange, amount = self.world.exchange, abs(size)
        data = exchange.fill.prepare_calldata(*signed.call, account, amount, 100)
        return Step(6, data=(signed.model, account, amount, 100)), (6, exchange.address, 0, 0, 0, data)

    def _my_vault_deposit(self) -> None:
        self.vault_act("deposit", (self.rng.randint(1, 50_000 * 10**6), self.me), self.me)

    def _my_vault_request(self) -> None:
        shares = self.model.vault.balances[number(self.me)]
        self.vault_act("request", (shares * self.rng.randint(1, 100) // 100, self.me), self.me)

    def _my_vault_redeem(self) -> None:
        shares = self.model.vault.requests[number(self.me)].shares
        self.vault_act("redeem", (shares * self.rng.choice([1, 2, 3]) // 3, self.me, self.me), self.me)

    def _my_collect(self) -> None:
        self.world.both("collect", self.world.clearinghouse, "collect", (), self.me, self.model.clearinghouse.collect)
