"""The world in which every act is held against the invariants, by what the contracts' own logs say that it changed.

The model does each act first, as in the differential walks. What the contracts then did is looked at twice: against the
invariants, which know nothing of the model's result, and against that result. Where both fail it is the invariant that
is reported: so a contract that is broken on purpose shows which of them notices.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boa

from keeper.model.ledger import EMPTY
from keeper.model.requirement import Assessment
from keeper.model.standing import BOND
from keeper.model.state import Refused
from keeper.model.vault import VIRTUAL_SHARES
from tests.model.chain import number, send
from tests.model.world import World
from tests.stateful.books import Act, Books, Money
from tests.stateful.invariants import Broken, check
from tests.stateful.signatures import Orders

RECENT = 12


class Differs(AssertionError):  # noqa: N818 - said of two sides
    """Contracts and model do not agree."""


class CheckedWorld(World):
    """Contracts beside the model, and invariants over the contracts' books."""

    mirror: Books

    def __init__(self, rng: Any) -> None:
        super().__init__(rng)
        money = self.mirror.money
        self.mirror = Books()
        self.mirror.money = money
        self.mirror.vault = bytes.fromhex(str(self.vault.address)[2:])
        self.checks: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        """Reasons that the contracts gave for parts of acts that they left out."""
        self.recent: deque[str] = deque(maxlen=RECENT)
        self.orders = Orders(self)
        self.acts = 0
        self.bonds = 0
        """Bonds that may have gone to sweepers: WAD, ever growing."""
        self.goes_on = False
        """What is wrong is noted and undone on both sides, so that a broken contract shows all that it breaks."""
        self.wrong: list[AssertionError] = []
        self.on_error: Callable[[], None] = lambda: None
        """Called before an act that was wrong is undone."""

    def both(
        self, kind: str, contract: Any, function: str, args: tuple[Any, ...], sender: str, act: Callable[[], Any]
    ) -> str:
        """As ever, with the invariants before the comparison."""
        self.acts += 1
        self.recent.append(f"{self.model.now} {kind}: {function}{args} by {sender}")
        if not self.goes_on:
            return self._act(kind, contract, function, args, sender, act)
        kept, snapshot, mark = self.mirror.kept(), boa.env.evm.snapshot(), self.model.checkpoint()
        try:
            refusal = self._act(kind, contract, function, args, sender, act)
        except (Broken, Differs) as error:
            self.wrong.append(error)
            self.on_error()
            boa.env.evm.revert(snapshot)
            self.mirror.restore(kept)
            self.model.rollback(mark)
            return str(error)
        self.model.release(mark)
        boa.env.evm.revm.commit()
        return refusal

    def _act(
        self, kind: str, contract: Any, function: str, args: tuple[Any, ...], sender: str, act: Callable[[], Any]
    ) -> str:
        mark = self.model.checkpoint()
        refusal = ""
        try:
            act()
        except Refused as refused:
            refusal = refused.reason
        touched = self.model.journal.touched(mark)
        self.model.release(mark)
        said, computation = send(contract, function, *args, sender=sender)
        if not said:
            self._look(kind, function, args, sender, computation.get_log_entries())
        if said != refusal:
            raise Differs(f"{kind} {function}{args} by {sender}: contract {said!r}, model {refusal!r}")
        if refusal:
            self.refused[kind] += 1
            self.reasons[refusal, kind] += 1
            return refusal
        self.done[kind] += 1
        try:
            self._compare(touched, set(self.mirror.replaced))
        except AssertionError as error:
            raise Differs(str(error)) from error
        return ""

    def _look(self, kind: str, function: str, args: tuple[Any, ...], sender: str, logs: list[Any]) -> None:
        books, engine = self.mirror, self.model.engine
        before, supply = Money.of(books.money), books.supply
        books.take(logs)
        after, now = Money.of(books.money), self.model.now
        done = Act(
            kind, function, args, number(sender), now, engine, books, before.at(now), after.at(now), supply, logs
        )
        self.bonds += BOND * done.bids_taken_off
        self.skipped.update(done.reasons)
        check(done, self, before)

    def holds(self, name: str, condition: bool, what: str) -> None:
        """Count a check of several acts; raise if it fails."""
        self.checks[name] += 1
        if not condition:
            raise Broken(name, what)

    def assess(self, account: int) -> Assessment:
        """An account by the contracts' books, with interest up to now."""
        stored = self.mirror.accounts.get(account, EMPTY)
        return self.model.engine.assess(self._money().cash(stored), stored.holdings)

    def worth(self, account: int) -> int:
        """Its equity, all spot priced."""
        stored = self.mirror.accounts.get(account, EMPTY)
        return self.model.engine.appraise(self._money().cash(stored), stored.holdings).equity

    def cash_of(self, account: int) -> int:
        """Its cash with interest up to now."""
        return self._money().cash(self.mirror.accounts.get(account, EMPTY))

    def supply_index(self) -> int:
        """Index of positive cash up to now."""
        return self._money().indices.supply

    def held(self) -> int:
        """Quote tokens that the Clearinghouse counts as there, WAD."""
        return self._money().custody.held

    def _money(self) -> Money:
        return Money.of(self.mirror.money).at(self.model.now)

    def worth_of_shares(self, wallet: int) -> int:
        """Shares of the vault, requested ones too, at all that backs them: losses that are known not deducted."""
        backing = self.cash_of(self.model.vault.account) + self._money().custody.reserve
        shares = self.mirror.shares[wallet] + self.model.vault.requests[wallet].shares
        return shares * (backing + self.model.clearinghouse.quote_scale) // (self.mirror.supply + VIRTUAL_SHARES)

    def tokens_of(self, market: int) -> int:
        """Spot tokens that the Clearinghouse has, WAD."""
        decimals = self.model.clearinghouse.spot_decimals[market] or 0
        return int(self.tokens[market].balanceOf(self.clearinghouse)) * 10 ** (18 - decimals)

    @contextmanager
    def trial(self) -> Iterator[None]:
        """All that happens inside is undone on both sides, time included."""
        now, kept, snapshot = self.model.now, self.mirror.kept(), boa.env.evm.snapshot()
        mark = self.model.checkpoint()
        try:
            yield
        finally:
            boa.env.evm.revert(snapshot)
            self.model.rollback(mark)
            self.mirror.restore(kept)
            self.at(now)
