"""What must hold after every act (the design's section 12), checked on the books that the contracts' logs tell.

Each check has a name that begins with the invariant's number and is counted whenever it had something to look at. The
invariants that need more than one act, 5's second half, 9 and 10, are in trials.py, adversary.py and leaving.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keeper.model.auction import BPS_TO_WAD, clock_start, lambda_at, run_continues
from keeper.model.ledger import NO_HOLDING, Account
from keeper.model.requirement import Assessment
from keeper.model.rounding import BPS, E5, WAD
from keeper.model.standing import BOND
from keeper.model.trading import unsettled
from keeper.model.vault import VIRTUAL_SHARES
from keeper.model.words import RETIRED, Run
from tests.stateful.books import Act, Money, Slice

if TYPE_CHECKING:
    from tests.stateful.world import CheckedWorld

WEI = 10**3
"""What the roundings of one act come to, WAD quote."""
DUST = 10**12
"""A millionth of quote: what the roundings inside a requirement, which are to 1e-12 quote, come to at most."""
SIZES = "1 sizes sum to zero and are what the book says"
COSTS = "1 costs are the book's, and no market owes more than was paid in"
CUSTODY = "1 quote tokens cover cash, claims and reserve, and dust grows"
DUST_ONLY = "1 what is held beyond that is dust"
SPOT = "2 spot tokens cover spot balances"
MARGIN = "3 no act takes an account below its initial margin"
SIGHTED = "4 what is forced was sighted in breach"
RELEASES = "4 what is forced releases requirement"
CHEAP = "4 what is forced costs no more than its rates"
TARGET = "4 what is forced stays within the target"
HEALTH = "4 what is forced lowers no health"
INSOLVENT = "4 what is forced takes no equity from who has none"
LANDS = "5 the largest fraction lands on the target"
WHOLE = "6 a fully taken account has no position and no debt"
BACKING = "7 the vault pays what the auction says and nothing else"
PRICE = "7 the price of a share falls only by what the vault pays"
OTHERS = "8 nobody else moves an account"
ABSORBED = "8 winding up takes no equity"


class Broken(AssertionError):  # noqa: N818 - said of an invariant
    """An invariant does not hold; its name comes first."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(f"{name}: {what}")
        self.name = name


class Checks:
    """All checks of one act."""

    def __init__(self, act: Act, world: CheckedWorld, stored: Money) -> None:
        self.act = act
        self.world = world
        self.stored = stored
        """Money as it was stored before the act, without the interest since."""

    def holds(self, name: str, condition: bool, what: str = "") -> None:
        """Count a check; raise if it fails."""
        self.world.checks[name] += 1
        if not condition:
            raise Broken(name, what or repr(self.act))

    def run(self) -> None:
        """Everything that the act gives reason to look at."""
        if not self.act.logs:
            return
        self.books_add_up()
        self.custody()
        for account in self.act.changed:
            self.margin(account)
            self.moved_by_right(account)
        for part in self.act.slices:
            if part.fraction == WAD:
                after = self.act.books.accounts[part.account]
                self.holds(WHOLE, not after.holdings and after.principal >= 0, f"{part.account:#x}: {after}")
        for account in self.act.forced:
            self.rule(account)
        self.vault()

    # 1 and 2

    def books_add_up(self) -> None:
        """Σ size, Σ cost and Σ spot of the markets that the act changed."""
        act, books, world = self.act, self.act.books, self.world
        markets: set[int] = set()
        spots: set[int] = set()
        for old, new in act.changed.values():
            for market in {*old.holdings, *new.holdings}:
                before, after = old.holdings.get(market, NO_HOLDING), new.holdings.get(market, NO_HOLDING)
                if before[1:] != after[1:]:
                    markets.add(market)
                if before.spot != after.spot:
                    spots.add(market)
        for market in markets:
            size, cost = books.book_of(market)
            self.holds(SIZES, books.open_interest[market] == size, f"market {market}: {books.open_interest[market]}")
            sizes, costs = books.sizes[market], books.costs[market]
            if act.engine.parameters[market].flags & RETIRED:
                # What a size was worth when it ended went from its cost alone, rounded against its account.
                rounded = (costs - cost) * WAD - sizes * act.engine.reading(market).p_star
                fits = 0 <= rounded < len(books.accounts) * WAD
            else:
                self.holds(SIZES, sizes == 0, f"market {market}: sizes {sizes}")
                fits = costs == cost
            self.holds(COSTS, fits and cost <= 0, f"market {market}: costs {costs}, book {cost}")
        for market in spots:
            held = world.tokens_of(market)
            self.holds(SPOT, held >= books.spots[market], f"market {market}: {held} of {books.spots[market]}")

    def custody(self) -> None:
        """Tokens held against all that is owed, exactly: a surplus is dust that never shrinks."""
        act, books = self.act, self.act.books
        totals = act.after.totals
        summed = (totals.positive, totals.negative) == (books.positive, books.negative)
        self.holds(CUSTODY, summed, f"{totals} of {books.positive}, {books.negative}")
        before, after = surplus(self.stored, books.old_cost), surplus(act.after, books.cost)
        self.holds(CUSTODY, 0 <= before <= after, f"{before} → {after}")
        indices = act.after.indices
        principals = max(totals.positive + totals.negative, sum(vars_of(self.stored)))
        # The index that a loss lowers is rounded once a loss, interest with each index.
        most = (4 + 2 * len(act.slices)) * principals + (8 + 4 * len(act.changed)) * (indices.supply + indices.borrow)
        self.holds(DUST_ONLY, after - before <= most, f"{after - before} of {most}")

    # 3

    def margin(self, account: int) -> None:
        """
        Who was at initial margin still is, at the same prices and the same time.

        What lowers the requirement may widen what the account can lose inside its prices' intervals: such a relief is
        held to the margin without them. Spot of a market whose parameters ask more margin for it than it is worth, as
        of one that is given up, may be deposited where there is some: it never brings a breach, and can be withdrawn
        again. A position in a market that has ended hedges nothing, whenever somebody settles it.
        """
        after = self.act.is_now(account)
        lacks = after.im + after.down - after.equity
        if lacks <= 0:
            self.world.checks[MARGIN] += 1
            return
        before = self._before_end(account)
        was_below = before.im + before.down - before.equity > -WEI
        relieved = after.mm < before.mm and after.equity >= after.im
        relieved = relieved or (after.equity >= after.mm and self._is_given_what_needs_more(account))
        enough = lacks <= WEI + self._shared_by(account)
        self.holds(MARGIN, was_below or relieved or enough, f"{account:#x}: {before} → {after}")

    def _shared_by(self, account: int) -> int:
        """At most what a loss that the act brought took of an account's cash, that of the act too."""
        if not self.act.shares_loss:
            return 0
        before, after = self.act.before.indices.supply, self.act.after.indices.supply
        return max(0, self.act.after.cash(self.act.books.accounts[account])) * (before - after) // after + WEI

    def _before_end(self, account: int) -> Assessment:
        """As it was, any loss shared, and positions ended that the act ended with their market."""
        act = self.act
        old, new = act.changed[account]
        holdings = dict(old.holdings)
        for market, holding in old.holdings.items():
            ended = holding.size and act.engine.parameters[market].flags & RETIRED
            if ended and not new.holdings.get(market, NO_HOLDING).size:
                value = unsettled(holding, act.engine.reading(market))
                holdings[market] = holding._replace(size=0, cost=-value)
        return act.engine.assess((act.after if act.shares_loss else act.before).cash(old), holdings)

    def _is_given_what_needs_more(self, account: int) -> bool:
        old, new = self.act.changed[account]
        risk = self.act.engine.risk.value
        for market, holding in new.holdings.items():
            aim = self.act.engine.parameters[market].aim
            if holding.spot > old.holdings.get(market, NO_HOLDING).spot:
                return (aim.s + aim.u + aim.g) * risk.iota > E5 * BPS
        return False

    # 4 and 5

    def rule(self, account: int) -> None:
        """The rule for all that is done to an account against its will.

        One that owes nothing any more has a requirement of 0 and spot that no price is asked for; what it is worth and
        would be held to is what counts here.
        """
        act = self.act
        before, after = act.was(account), act.is_now(account)
        worth = self._appraised(act.books.accounts[account], act.after)
        # A loss that an earlier lot of the same act brought may have taken what the account had.
        sighted = before.sighted or (act.shares_loss and act.was_sharing(account).sighted)
        self.holds(SIGHTED, sighted, f"{account:#x}: {before}")
        self.holds(RELEASES, after.mm < before.mm, f"{account:#x}: {before} → {after}")
        least = min(before.equity, act.was_sharing(account).equity) if act.shares_loss else before.equity
        health = max(0, before.equity * WAD // before.mm)
        rate = min(self.rate(account), health)
        released = before.mm - after.mm
        lost = least - worth - self._shared_by(account)
        self.holds(CHEAP, lost <= rate * released // WAD + DUST, f"{account:#x}: {lost} at {rate} of {released}")
        if least < 0:
            self.holds(INSOLVENT, worth >= least - WEI, f"{account:#x}: {least} → {worth}")
        elif after.mm:
            falls = least * after.mm - worth * before.mm
            self.holds(HEALTH, falls <= DUST * before.mm, f"{account:#x}: {before} → {after}")
        self.target(account, before, after, worth)

    def rate(self, account: int) -> int:
        """λ + φ of an account's run at this moment, from its word before the act."""
        auction, books = self.world.model.auction, self.act.books
        run = Run.unpack(books.old_runs.get(account, books.runs.get(account, 0)))
        terms, curves, now = auction.terms.value, auction.curves.value, self.act.now
        if run_continues(run, terms, now):
            age, curve = now - clock_start(run, terms, now), curves[run.curve]
        else:
            age, curve = 0, curves[-1]
        return lambda_at(curve, age) + terms.penalty * BPS_TO_WAD

    def target(self, account: int, before: Assessment, after: Assessment, worth: int) -> None:
        """No further than B, all or nothing at the floor apart; and a slice of all that may be taken lands on it."""
        act = self.act
        if act.kind == "batch":
            return  # other steps may have paid in
        parts = [part for part in act.slices if part.account == account]
        gifts = sum(part.opener_got for part in act.slices if self._opener(part.account) == account)
        if act.sender << 96 == account:
            # It swept itself: bonds, and the share of who sights first.
            gifts += BOND * 8 + sum(part.opener_got for part in act.slices)
        goal = self.world.model.auction.terms.value.target * BPS_TO_WAD
        left = after.mm or self._left_of(before.mm, parts)
        over = (worth - gifts) * WAD - goal * left
        whole = any(part.fraction == WAD for part in parts)
        for part in parts:
            if part.fraction == WAD:
                self.holds(TARGET, self._may_take_all(part, before.floor, goal), f"all taken: {part}")
        ended = account in act.matched and after.mm == 0 and (before.mm == before.floor or act.matched[account] > 1)
        self.holds(TARGET, whole or ended or over <= DUST * WAD, f"{account:#x}: {before} → {after}")
        if len(parts) == 1 and parts[0].clipped and not whole and not gifts and not act.shares_loss:
            self.holds(LANDS, abs(over) <= DUST * WAD, f"{account:#x}: {before} → {after}")

    @staticmethod
    def _left_of(mm: int, parts: list[Slice]) -> int:
        """The requirement of what slices leave, by its homogeneity."""
        for part in parts:
            mm = mm * (WAD - part.fraction) // WAD
        return mm

    def _may_take_all(self, part: Slice, floor: int, goal: int) -> bool:
        """The target wants all of it, or what remained would stand on its least requirement."""
        health = part.equity * WAD // part.mm
        own = max(0, health)
        penalty = min(self.world.model.auction.terms.value.penalty * BPS_TO_WAD, own - part.lambda_account)
        most = min(WAD, (goal - health) * WAD // (goal - part.lambda_account - penalty))
        return most == WAD or part.mm == floor or part.mm * (WAD - most) // WAD < floor

    def _opener(self, account: int) -> int:
        books = self.act.books
        run = Run.unpack(books.old_runs.get(account, books.runs.get(account, 0)))
        return run.opener << 96

    # 7

    def vault(self) -> None:
        """What backs a share falls by what the auction says that the vault pays, and by leaving at no better price."""
        act, books = self.act, self.act.books
        vault = self.world.model.vault.account
        old = books.replaced.get(vault, books.accounts.get(vault, Account()))
        new = books.accounts.get(vault, Account())
        before = act.before.cash(old) + act.before.custody.reserve
        after = act.after.cash(new) + act.after.custody.reserve
        dust = WEI + (new.principal + act.after.totals.negative) // WAD
        if act.kind in ("bid", "sweep") and vault not in act.forced:
            left = before
            for part in act.slices:
                left = max(0, left + part.vault_got)
            self.holds(BACKING, abs(after - left) <= dust, f"{before} → {after}, not {left}")
        paid = max(0, act.made_good) + sum(max(0, -part.vault_got) for part in act.slices)
        shares = books.supply + VIRTUAL_SHARES, act.supply_before + VIRTUAL_SHARES
        spare = dust + 2 * self.world.model.clearinghouse.quote_scale
        unchanged = shares[0] == shares[1]
        falls = before - paid - after if unchanged else (before - paid) * shares[0] // shares[1] - after
        self.holds(PRICE, falls <= (dust if unchanged else spare), f"{before} - {paid} → {after}, shares {shares}")

    # 8

    def moved_by_right(self, account: int) -> None:
        """By its owner, an operator or a signed order; as a relief; or all that happened is a gift or a settlement."""
        act, world = self.act, self.world
        owner = account >> 96
        if act.sender == owner or world.model.clearinghouse.operators[owner, act.sender] or account in act.forced:
            self.world.checks[OTHERS] += 1
            return
        house = world.model
        own = {house.auction.address: ("sweep", "post", "remove"), house.vault.address: ("bid", "sweep")}
        if act.kind in own.get(owner, ()) or self._is_gift(account) or self._is_settled(account, act.kind == "batch"):
            self.world.checks[OTHERS] += 1
            return
        if act.kind == "absorb":
            self._is_absorbed(account)
            return
        if act.kind in ("claim", "leave_in_kind") or act.kind.startswith("vault_"):
            self.holds(OTHERS, owner == house.vault.address, f"{account:#x}")
            return
        by_venue = act.function == "trade" and act.sender == int(str(world.venue), 16) and account in act.args[1:3]
        signed = account in world.orders.accounts(act.function, act.args)
        paid = owner == house.vault.address and act.slices
        self.holds(OTHERS, bool(by_venue or signed or paid), f"{account:#x}: {act.changed[account]}")

    def _is_gift(self, account: int) -> bool:
        old, new = self.act.changed[account]
        if new.principal < old.principal:
            return False
        markets = {*old.holdings, *new.holdings}
        pairs = [(old.holdings.get(m, NO_HOLDING), new.holdings.get(m, NO_HOLDING)) for m in markets]
        return all(a[1:] == b[1:] and (a.spot == b.spot or 0 < a.spot < b.spot) for a, b in pairs)

    def _is_settled(self, account: int, given: bool) -> bool:
        """`given`: it may have been given something, too, as a batch does both."""
        act = self.act
        old, new = act.changed[account]
        for market in {*old.holdings, *new.holdings}:
            a, b = old.holdings.get(market, NO_HOLDING), new.holdings.get(market, NO_HOLDING)
            retired = act.engine.parameters[market].flags & RETIRED
            if (
                b.spot < a.spot
                or (b.spot > a.spot and not given)
                or (a.size != b.size and not (retired and b.size == 0))
            ):
                return False
        before = self._appraised(old, act.after if act.shares_loss else act.before)
        # What was settled before a loss was shared bears its part of it.
        shared, supply = act.before.indices.supply - act.after.indices.supply, act.before.indices.supply
        settled = abs(act.after.cash(new) - act.before.cash(old)) if act.shares_loss else 0
        slack = WEI * 8 + settled * max(0, shared) // supply
        gained = self._appraised(new, act.after) - before
        return -slack <= gained and (given or gained <= slack)

    def _appraised(self, stored: Account, money: Money) -> int:
        """Equity with all spot priced, whether the account owes anything or not."""
        return self.act.engine.appraise(money.cash(stored), stored.holdings).equity

    def _is_absorbed(self, account: int) -> None:
        act, vault = self.act, self.world.model.vault.account
        if account in (vault, vault | 1):
            return
        old, new = act.changed[account]
        was = self._appraised(old, act.after if act.shares_loss else act.before)
        now = self._appraised(new, act.after)
        self.holds(ABSORBED, now >= min(was, 0) - DUST and now >= was - DUST, f"{account:#x}: {was} → {now}")


def vars_of(money: Money) -> tuple[int, int]:
    """Both totals."""
    return money.totals.positive, money.totals.negative


def surplus(money: Money, cost: int) -> int:
    """Quote tokens beyond Σ cash − Σ cost + reserve, in WAD of WAD: exact."""
    totals, indices, custody = money.totals, money.indices, money.custody
    cash = totals.positive * indices.supply - totals.negative * indices.borrow
    return (custody.held - custody.reserve + cost) * WAD - cash


def check(act: Act, world: CheckedWorld, stored: Money) -> None:
    """Hold an act against every invariant that it can break."""
    Checks(act, world, stored).run()
