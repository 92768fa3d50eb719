"""What must hold over several acts, tried and undone: bids in parts, and an owner who leaves (12.5 and 12.10)."""

from __future__ import annotations

from dataclasses import astuple

from eth_keys import keys

from keeper.model.auction_house import Lot
from keeper.model.batch import Step
from keeper.model.clearinghouse import NOTHING_TO_MOVE
from keeper.model.ledger import EMPTY, NO_HOLDING
from keeper.model.orders import Order
from keeper.model.prices import LATE, LIVE
from keeper.model.rounding import BPS, WAD, ceil_div
from keeper.model.trading import unsettled
from keeper.model.words import PERP_ALLOWED, RETIRED
from tests.model.chain import number
from tests.model.signing import SignedOrder, sign_order
from tests.model.walk import QUOTE_SCALE
from tests.model.world import SPOT_DECIMALS
from tests.stateful.invariants import DUST
from tests.stateful.probes import ProbeFlow

IN_PARTS = "5 a bid in parts ends no worse for the account"
OUT = "10 who leaves has all that was theirs"
CAN_LEAVE = "10 a solvent account can be wound up by its owner"
RICH = 10**9
OTHER_SIDE = 10**6
"""The helper's sub-account that takes over what somebody leaves: nobody gave it anything."""
FOREVER = 2**255


class TrialFlow(ProbeFlow):
    """A walk with trials; a helper with plenty of quote is the other side of all that they want."""

    def _meet_helper(self) -> None:
        self.helper_key = keys.PrivateKey(self.rng.randbytes(32))
        self.helper = self.helper_key.public_key.to_address()
        self.helper_account = number(self.helper) << 96
        self.helper_nonce = 0
        self.world.endow(self.helper)

    def _helper_pays_in(self, sub: int = 0) -> int:
        account = self.helper_account | sub
        self.act_for(account, "deposit", account, RICH * 10**6, caller=self.helper)
        return account

    def _helper_bids(self, account: int, fraction: int, sub: int = 0) -> str:
        lot, caller, taker = Lot(account, fraction), number(self.helper), self.helper_account | sub
        act = self.model.auction.bid
        args = (taker, [astuple(lot)])
        return self.world.both("bid", self.world.auction, "bid", args, self.helper, lambda: act(caller, taker, [lot]))

    # 5

    def split(self) -> None:
        """One bid, and the same in parts: the account is no worse off."""
        sighted = [account for account in self.actors.sighted() if self.actors.assess(account).state != LATE]
        if not sighted:
            return
        account = self.rng.choice(sighted)
        quote = self.model.auction.quote(account, WAD, number(self.helper))
        if quote.reason:
            return
        before = self.world.assess(account)
        with self.world.trial():
            self._helper_pays_in()
            if self._helper_bids(account, WAD):
                return
            at_once = self.world.worth(account)
        left, goal, refused = WAD, WAD - quote.fraction, False
        with self.world.trial():
            self._helper_pays_in()
            for more in range(self.rng.randint(1, 4), -1, -1):
                # Of what is left, so much that the last part makes it all that the one bid took.
                part = (left - goal) // (more + 1)
                fraction = part * WAD // left if more or goal else WAD
                if not fraction or self._helper_bids(account, fraction):
                    refused = True
                    break
                left -= part
            in_parts, mm = self.world.worth(account), self.world.assess(account).mm
        # Paid for its own sighting it has more health after a part, and bears more of the penalty in the next.
        own = quote.run.opener << 96 == account
        penalty = self.model.auction.terms.value.penalty * WAD // BPS if own else quote.penalty
        lost, released = before.equity - in_parts, before.mm - mm
        fair = lost <= max(0, (quote.lambda_account + penalty) * released // WAD) + 4 * DUST
        same = own or refused or in_parts >= at_once - 4 * DUST
        self.world.holds(IN_PARTS, fair and same, f"{account:#x}: {before} → {at_once}, in parts {in_parts}")

    # 10

    def leave(self) -> None:
        """A solvent account's owner closes it all at the mark, settles who owes it, and takes everything out."""
        account = self.rng.choice(self.actors.traders[:-1] + self.actors.takers + self.actors.lenders)
        true = list(self.data.true)
        with self.world.trial():
            # A pause keeps others from taking the other side, and ends by itself.
            self.world.at(max(self.model.now + 2, self.model.clearinghouse.settings.value.paused_until))
            self.data.confirm()
            self.data.update(everywhere=True)
            if self._may_leave(account):
                self._leave(account)
        self.data.true = true

    def _may_leave(self, account: int) -> bool:
        """Solvent, and every market of it can be traded or has ended."""
        stored = self.world.mirror.accounts.get(account, EMPTY)
        engine = self.model.engine
        for market, holding in stored.holdings.items():
            flags = engine.parameters[market].flags
            if engine.reading(market).state != LIVE or (holding.size and not flags & (PERP_ALLOWED | RETIRED)):
                return False
        return bool(stored.holdings or stored.principal) and self.world.worth(account) > 0

    def _leave(self, account: int) -> None:
        world, wallet = self.world, self.actors.acts_for[account >> 96]
        worth, supply = world.worth(account), world.supply_index()
        self._helper_pays_in(OTHER_SIDE)
        for market, holding in sorted(world.mirror.accounts[account].holdings.items()):
            if holding.cost > 0 and not holding.size:
                # A loss that was realised and not paid yet wants margin.
                self._settle(market, [account])
        brought = self._pay_debts(account, wallet)
        fees = self._close_all(account, wallet)
        for market in sorted(world.mirror.accounts[account].holdings):
            self._collect_claim(market, account)
        stored = world.mirror.accounts[account]
        left = [holding for holding in stored.holdings.values() if holding.size or holding.cost]
        world.holds(CAN_LEAVE, not left and stored.principal >= 0, f"{account:#x} is left with {stored}")
        # Its part of a loss that all share, of what it may have had in cash by then.
        shared = (worth + brought) * max(0, supply - world.supply_index()) // supply
        lacks = worth + brought - fees - shared - world.worth(account)
        world.holds(OUT, lacks <= DUST, f"{account:#x}: {worth} + {brought} - {fees} - {shared}, {lacks} too little")
        self._take_out(account, wallet)

    def _pay_debts(self, account: int, wallet: str) -> int:
        """What cash and losses leave the account owing, and fees, are paid in; returns the amount (WAD)."""
        stored, engine = self.world.mirror.accounts[account], self.model.engine
        lost = sum(
            max(0, -unsettled(holding, engine.reading(market)))
            for market, holding in stored.holdings.items()
            if holding.size or holding.cost > 0
        )
        owed = lost - self.world.cash_of(account) + self._all_fees(account) + QUOTE_SCALE
        if owed <= 0:
            return 0
        units = ceil_div(owed, QUOTE_SCALE)
        self.act_for(account, "deposit", account, units, caller=wallet)
        return units * QUOTE_SCALE

    def _all_fees(self, account: int) -> int:
        taker_bps, _ = self.model.exchange.fees.value
        holdings = self.world.mirror.accounts[account].holdings
        marks = {market: self.model.engine.reading(market).mark for market in holdings}
        return sum(
            ceil_div(ceil_div(abs(holding.size) * marks[market], WAD) * taker_bps, BPS)
            for market, holding in holdings.items()
            if not self.model.engine.parameters[market].flags & RETIRED
        )

    def _close_all(self, account: int, wallet: str) -> int:
        """Every position goes at its mark in one batch; one of a market that has ended is settled. Returns the fees."""
        fees, steps, told = self._all_fees(account), [], []
        for market, holding in sorted(self.world.mirror.accounts[account].holdings.items()):
            if not holding.size:
                continue
            if self.model.engine.parameters[market].flags & RETIRED:
                self._settle(market, [account])
                continue
            order = self._helpers_order(market, holding.size, OTHER_SIDE)
            amount = abs(holding.size)
            exchange = self.world.exchange
            data = exchange.fill.prepare_calldata(*order.call, account, amount, 100)
            steps.append((6, exchange.address, 0, 0, 0, data))
            told.append((order.model, account, amount, 100))
        if steps:
            refusal = self._batch(account, wallet, steps, told)
            self.world.holds(CAN_LEAVE, not refusal, f"{account:#x}: {refusal}")
        return fees

    def _batch(self, account: int, wallet: str, steps: list[object], told: list[object]) -> str:
        modelled = [Step(6, data=fill) for fill in told]
        act, caller = self.model.batch.batch, number(wallet)
        return self.world.both(
            "batch", self.world.batch, "batch", ([account], steps), wallet, lambda: act(caller, [account], modelled)
        )

    def _helpers_order(self, market: int, size: int, sub: int) -> SignedOrder:
        self.helper_nonce += 1
        mark, account = self.model.engine.reading(market).mark, self.helper_account | sub
        order = Order(account, market, size, mark, 100, FOREVER, self.helper_nonce, False, 0)
        return sign_order(order, self.world.order_domain, self.helper_key)

    def _settle(self, market: int, accounts: list[int]) -> None:
        act = self.model.clearinghouse.settle
        args = (market, accounts)
        self.world.both("settle", self.world.clearinghouse, "settle", args, self.helper, lambda: act(market, accounts))

    def _collect_claim(self, market: int, account: int) -> None:
        """What a market still owes the account is paid in by its losers; who cannot is sold to the helper first."""
        books, engine = self.world.mirror, self.model.engine
        if books.accounts[account].holdings.get(market, NO_HOLDING).cost == 0:
            return
        holders = [one for one, stored in books.accounts.items() if market in stored.holdings]
        losers = [one for one in holders if unsettled(books.accounts[one].holdings[market], engine.reading(market)) < 0]
        self._settle(market, [*losers[:60], account])
        for place, loser in enumerate(losers):
            if not books.accounts[account].holdings.get(market, NO_HOLDING).cost:
                return
            if market in books.accounts[loser].holdings and self.world.assess(loser).equity < 0:
                # Each to an account of its own: together they may be in too many markets.
                sub = 1 + market * 1_000 + place
                taker = self._helper_pays_in(sub)
                self._helper_bids(loser, WAD, sub)
                self._settle(market, [taker, account])
        self._settle(market, [*losers[:60], account])

    def _take_out(self, account: int, wallet: str) -> None:
        """All whole units of cash that are not lent, at the exit rate where losses are known, and of spot."""
        for market, holding in sorted(self.world.mirror.accounts[account].holdings.items()):
            units = holding.spot // 10 ** (18 - SPOT_DECIMALS[market])
            if units:
                refusal = self.act_for(account, "withdraw_spot", account, market, units, wallet, caller=wallet)
                self.world.holds(CAN_LEAVE, not refusal, f"{account:#x}: {refusal}")
        units = min(self.world.cash_of(account), self.world.held()) // QUOTE_SCALE
        if not units:
            return
        rate = self.model.clearinghouse.exit_rate()
        before = self.world.quote.balanceOf(wallet)
        refusal = self.act_for(account, "withdraw", account, units, wallet, caller=wallet)
        nothing = refusal == NOTHING_TO_MOVE and units * rate // WAD == 0
        self.world.holds(CAN_LEAVE, nothing or not refusal, f"{account:#x}: {refusal}")
        if not refusal:
            paid = self.world.quote.balanceOf(wallet) - before
            self.world.holds(OUT, paid >= units * rate // WAD - 1, f"{account:#x}: {paid} of {units} at {rate}")
