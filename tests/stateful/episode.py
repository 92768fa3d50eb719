"""One episode: a deployment, people, weather, and a number of random steps, each with its own seed."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from keeper.model.prices import MIN_PRICE
from keeper.model.words import SPOT_ALLOWED
from tests.model.actors import UNIT, WAD
from tests.model.chain import load, number
from tests.model.operations import KINDS
from tests.model.walk import QUOTE_SCALE
from tests.model.winding_flow import AFTER, BEFORE, SHARES
from tests.model.world import MAIN, MARKETS
from tests.stateful.adversary import AdversaryFlow
from tests.stateful.weather import Weather
from tests.stateful.world import CheckedWorld

MORE_KINDS = {"match": 8, "adversary": 10, "split": 3, "leave": 3, "probe": 6, "timelock": 4}
ALL_KINDS = (*KINDS, *MORE_KINDS, "crowd", "drain", "retire", "freeze", "shut_down", "absorb", "claim", "leave_in_kind")
TEMPERS = {"deep": 0.4, "silent": 0.25, "leaning": 0.3, "poor": 0.3, "crowded": 0.15, "retires": 0.2, "ends": 0.2}
"""What an episode may be like, and how likely; all are independent, but what ends retires nothing before."""
DAY = 86_400
PATIENCE = 15
"""Seconds between the updates that a retired market's price is averaged of."""


class Episode(AdversaryFlow):
    """A walk of all acts by all roles, in the weather and with the means that its seed chooses."""

    world: CheckedWorld
    data: Weather
    world_class = CheckedWorld
    data_class = Weather

    def __init__(self, seed: int, steps: int, goes_on: bool = False) -> None:
        self.seed = seed
        self.steps = steps
        self.place = -1
        self.goes_on = goes_on
        super().__init__(seed)

    def _found(self) -> None:
        rng = self.rng
        self.world.goes_on = self.goes_on
        self.tempers = {name for name, likely in TEMPERS.items() if rng.random() < likely}
        for name in ("deep", "silent", "leaning"):
            setattr(self.data, name, name in self.tempers)
        wallet = number(self.actors.contract_wallet.address)
        self.world.orders.contract_keys[wallet] = number(self.actors.keys[0].public_key.to_address())
        self.hand_over()
        self._meet_helper()
        self.actors.acts_for[number(self.helper)] = self.helper
        super()._found()
        self.kinds += [kind for kind, weight in MORE_KINDS.items() for _ in range(weight)]
        if "poor" in self.tempers:
            self._impoverish()
            self.kinds += ["drain"] * 4
        at = {
            "crowd": 0.2,
            "drain": 0.3,
            "given_up": 0.4,
            "end": 0.6,
            "settle_losses": 0.75,
            "pay_claims": 0.86,
            "give_up_waiting": 0.95,
        }
        self.plan = {int(share * self.steps): what for what, share in at.items() if self._plans(what)}
        self.over = ""

    def _plans(self, what: str) -> bool:
        if what in ("crowd", "drain"):
            return {"crowd": "crowded", "drain": "poor"}[what] in self.tempers
        if what == "given_up":
            return "retires" in self.tempers and "ends" not in self.tempers
        return "ends" in self.tempers

    def _impoverish(self) -> None:
        """Lenders and takers leave little behind: what the vault lacks is soon more than all cash."""
        for account in self.actors.lenders + self.actors.takers[self.rng.randint(0, 1) :]:
            units = self.model.clearinghouse.cash_now(account) * self.rng.choice([90, 99]) // 100 // QUOTE_SCALE
            wallet = self.actors.acts_for[account >> 96]
            self.act_for(account, "withdraw", account, units, wallet, caller=wallet)

    def walk(self, skipped: frozenset[int] = frozenset()) -> None:
        """All steps but those skipped, and a comparison of all state at the end."""
        for place in range(self.steps):
            if place not in skipped:
                self.place = place
                self.rng.seed(f"{self.seed} {place}")
                self.noted(self.one)
                if place % 500 == 499:
                    self.world.compare_all()
        self.world.compare_all()

    def one(self) -> None:
        """What is planned for this step, or what comes."""
        if self.place in self.plan:
            getattr(self, self.plan[self.place])()
        elif not self.over:
            self.step()
        elif self.over == "repaying":
            self.one_of((*BEFORE, *SHARES, "absorb", "claim", "leave_in_kind"))
        else:
            self.one_of(AFTER)

    # What is planned

    def crowd(self) -> None:
        """Small bids fill the book of standing bids, until one that offers no more than the least is refused."""
        taker, caller, act = self.helper_account, number(self.helper), self.model.auction.post
        self.act_for(taker, "deposit", taker, 10**6 * UNIT, caller=self.helper)
        cash = self.model.engine.risk.value.min_requirement * 10**16 * 50 + 10**4 * WAD
        for _ in range(66):
            capacity = self.rng.randint(1, 3) * WAD
            args = (taker, 0, capacity, capacity, 1, 10**6, cash)
            self.world.both("post", self.world.auction, "post", args, self.helper, lambda a=args: act(caller, *a))

    def drain(self) -> None:
        """Somebody borrows all quote there is against collateral: whoever wants to leave then has to wait."""
        self.data.confirm()
        self.data.update(everywhere=True)
        account, units = self.helper_account, self.model.clearinghouse.custody.value.held // QUOTE_SCALE
        self.act_for(account, "deposit_spot", account, 1, 10**6 * WAD, caller=self.helper)
        self.act_for(account, "withdraw", account, units, self.helper, caller=self.helper)

    def given_up(self) -> None:
        """The owner gives one market up after a jump, and it is frozen after an hour of prices."""
        engine, contract, owner = self.model.engine, self.world.engines.contract, self.actors.owner
        market = self.rng.randrange(MAIN - 1)
        self.data.true[market] = max(MIN_PRICE, self.data.true[market] * self.rng.choice([50, 70, 140]) // 100)
        if self.world.both("retire", contract, "retire", (market,), owner, lambda: engine.retire(market)):
            return
        for place in range(600):
            self.world.at(self.model.now + PATIENCE)
            self.data.update()
            if place > 235 and place % 4 == 0:
                caller = self.actors.anyone()
                if not self.world.both("freeze", contract, "freeze", (market,), caller, lambda: engine.freeze(market)):
                    return

    def end(self) -> None:
        """A crash, every market frozen, no more interest, and the shutdown."""
        if "deep" in self.tempers:
            self._overreach()
        # In deep weather until losses are more than all cash.
        for _ in range(self.rng.randint(1, 5) if "deep" in self.tempers else 1):
            self.crash()
        if self.rng.random() < 0.15:
            with self.world.trial():
                self._list_tokens()
                self.freeze()
                self.stop_interest()
                self.shut_down()
        self.freeze()
        self.shut_down()
        self.stop_interest()
        self.shut_down()
        self.over = "repaying"

    def _overreach(self) -> None:
        """Somebody holds a position against itself beside which all cash is small."""
        self.data.confirm()
        self.data.update(everywhere=True)
        account, caller, act = self.helper_account | 1, number(self.helper), self.model.exchange.fill
        for one in (account, account + 1):
            self.act_for(one, "deposit", one, 10**7 * UNIT, caller=self.helper)
        size = 60 * 10**6 * WAD * WAD // self.actors.index(0)
        order = self._helpers_order(0, -size, 2)
        args = (*order.call, account, size, 100)
        told = partial(act, caller, order.model, account, size, 100)
        self.world.both("fill", self.world.exchange, "fill", args, self.helper, told)

    def _list_tokens(self) -> None:
        """More collateral than an account can hold: then nobody can shut down."""
        world, model, owner = self.world, self.model, self.actors.owner
        for market in range(MAIN, MARKETS):
            if model.clearinghouse.spot_decimals[market] is not None:
                continue
            aim = model.engine.parameters[market].aim
            word = replace(aim, flags=aim.flags & 7 | SPOT_ALLOWED, calibrated=0)
            set_parameters = partial(model.engine.set_parameters, market, word)
            told: tuple[object, ...] = (market, word.pack())
            world.both("govern", world.engines.contract, "set_parameters", told, owner, set_parameters)
            told = (market, load("testing/TestToken", "T", "T", 18).address)
            list_spot = partial(model.clearinghouse.list_spot, market, 18)
            world.both("govern", world.clearinghouse, "list_spot", told, owner, list_spot)

    def settle_losses(self) -> None:
        """Fourteen days later losses are made good."""
        self.world.at(self.model.now + 14 * DAY)
        self.over = "settling"

    def pay_claims(self) -> None:
        """After a week more claims are paid, once nothing is left to be settled."""
        self.world.at(self.model.now + 7 * DAY)
        if self.rng.random() < 0.5:
            return
        left = self.rng.randrange(MAIN, MARKETS)
        with self.world.trial():
            self._settle_but(left)
            for account in self.rng.sample(self.accounts(), 6):
                self.claim(account, self.wallet_of(account))
        self._settle_but()
        for account in self.accounts():
            self.claim(account, self.wallet_of(account))

    def _settle_but(self, left: int = -1) -> None:
        """Settle and absorb, in turns, but leave one market alone; what is lacking may be beyond all cash."""
        for _ in range(4):
            for market in set(range(MARKETS)) - {left}:
                holders = [a for a in self.accounts() if market in self.model.clearinghouse.accounts[a].holdings]
                for start in range(0, len(holders), 60):
                    self._settle(market, holders[start : start + 60])
            owing = self.owing()
            for start in range(0, len(owing), 16):
                self.absorb(owing[start : start + 16])

    def give_up_waiting(self) -> None:
        """After sixty days whatever is left holds nobody up."""
        self.world.at(self.model.now + 40 * DAY)
