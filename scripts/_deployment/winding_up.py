"""After a shutdown: settle what is left and take every debt into the pool, as anybody may, so that owners can claim."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ape.exceptions import ContractLogicError, OutOfGasError

from keeper.model.winding import CLAIM, LAST, SETTLE, UNSETTLED
from keeper.model.words import Header, MarketBook, Totals
from scripts._deployment.refusal import Refused
from scripts._deployment.session import Session

SEEN_AT_ONCE, SETTLED_AT_ONCE, ABSORBED_AT_ONCE = 32, 64, 16
"""Accounts in one call, of the Lens, the Clearinghouse and the vault."""
ROUNDS = 16
"""Each settles and absorbs: what insolvent accounts lacked settles in the next, and pays others' profits."""


@dataclass(frozen=True, slots=True)
class Holder:
    """An account that may have something to settle or to absorb. WAD; `positions`: (market, size, cost, value)."""

    account: int
    cash: int
    equity: int
    positions: tuple[tuple[int, int, int, int], ...]

    @property
    def owes(self) -> bool:
        """Whether there is something to absorb."""
        return self.cash < 0 or self.equity < 0


def when(second: int) -> str:
    """A second of the chain as people read it."""
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%d %H:%M:%S} UTC"


def wind_up(session: Session, closed: int) -> None:
    """Settle and absorb all that can be, and say what remains. `closed`: the second of the shutdown."""
    now = int(session.connected.get_block("latest").timestamp)
    if now < closed + SETTLE:
        session.done.append(
            f"shut down at {when(closed)}: owners settle, repay and deposit until {when(closed + SETTLE)}"
        )
        session.done.append("next: run this again then, and what is still owed is absorbed")
        return
    pool = int(session.contract("InsuranceVault").pool())
    accounts = sorted({*accounts_seen(session), pool})
    found = holders(session, accounts)
    for _ in range(ROUNDS):
        before = found
        if _settle(session, found):
            found = holders(session, accounts)
        debtors = [holder for holder in found if holder.owes and holder.account != pool]
        # First those whose losses pay others' profits: who is paid may owe nothing any more.
        insolvent = [holder.account for holder in debtors if holder.equity < 0]
        solvent = [holder.account for holder in debtors if holder.equity >= 0]
        if _absorb(session, insolvent) or _absorb(session, solvent):
            found = holders(session, accounts)
        if found == before:
            break
    _report(session, closed, now, found, pool)


def accounts_seen(session: Session) -> list[int]:
    """Every account whose words ever changed, by the chain's logs."""
    house, height = session.contract("Clearinghouse"), int(session.connected.get_block("latest").number or 0)
    return sorted({int(log.account) for log in house.AccountChanged.range(session.record.block, height + 1)})


def holders(session: Session, accounts: Sequence[int]) -> list[Holder]:
    """The accounts among these that owe something or have a position, as they are now."""
    found = []
    for part in _parts(accounts, SEEN_AT_ONCE):
        for view in session.contract("Lens").accounts(part):
            positions = tuple(
                (int(held.market), int(held.size), int(held.cost), int(held.value))
                for held in view.holdings
                if held.size or held.cost
            )
            holder = Holder(int(view.id), int(view.cash), int(view.assessment.equity), positions)
            if holder.owes or positions:
                found.append(holder)
    return found


def _settle(session: Session, found: Sequence[Holder]) -> bool:
    """Settle every position that would change by it, losers before winners. Returns whether something was sent."""
    sent = False
    for market in sorted({market for holder in found for market, *_ in holder.positions}):
        losers, winners, resized = [], [], False
        for holder in found:
            for _, size, _, value in (position for position in holder.positions if position[0] == market):
                resized = resized or size != 0
                if value > 0:
                    winners.append((value, holder.account))
                elif size or (value < 0 and holder.equity >= 0):
                    losers.append((value, holder.account))
        paid_in = -MarketBook.unpack(int(session.contract("Clearinghouse").market_book(market))).cost
        if not losers and not resized and paid_in <= 0:
            continue
        order = [account for _, account in sorted(losers)] + [account for _, account in winners]
        for part in _parts(order, SETTLED_AT_ONCE):
            session.send("Clearinghouse", "settle", market, part, why=f"{len(part)} accounts in market {market}")
            sent = True
    return sent


def _absorb(session: Session, accounts: Sequence[int]) -> bool:
    """Take debts into the pool; a list that is refused is tried in halves. Returns whether something was absorbed."""
    return sum(_absorb_part(session, part) for part in _parts(accounts, ABSORBED_AT_ONCE)) > 0


def _absorb_part(session: Session, accounts: list[int]) -> bool:
    try:
        session.send("InsuranceVault", "absorb", accounts, why=f"{len(accounts)} accounts' debts are the pool's")
    except Refused as refused:
        if not isinstance(refused.__cause__, ContractLogicError | OutOfGasError):
            raise
        if len(accounts) == 1:
            line = f"account {accounts[0]:#066x} is left: {refused.message}"
            session.done += [line] if line not in session.done else []
            return False
        half = len(accounts) // 2
        return sum(_absorb_part(session, part) for part in (accounts[:half], accounts[half:])) > 0
    return True


def _report(session: Session, closed: int, now: int, found: Sequence[Holder], pool: int) -> None:
    house = session.contract("Clearinghouse")
    debtors = sum(holder.owes and holder.account != pool for holder in found)
    markets = range(int(session.contract("RiskEngine").market_count()))
    books = [MarketBook.unpack(int(house.market_book(market))) for market in markets]
    unpaid = sum(book.size != 0 or book.cost < -UNSETTLED for book in books)
    owed = Totals.unpack(int(house.totals())).negative
    pools = max(0, -Header.unpack(int(house.header(pool))).principal)
    first, last = closed + CLAIM, closed + LAST
    claims = "whoever owns cash may claim it" + (f" from {when(first)}" if now < first else "") + " (docs/shutdown.md)"
    if debtors or unpaid:
        session.done.append(f"left: {debtors} accounts that owe, {unpaid} markets with positions or profits to settle")
    if owed == pools and not unpaid:
        session.done.append(claims if debtors else f"nothing is left to settle or to absorb: {claims}")
    elif now < last:
        session.done.append(f"next: run this again; claims are held up by it until {when(last)}")
    else:
        session.done.append(f"what is left holds up nobody any more: {claims}")


def _parts(accounts: Sequence[int], most: int) -> Iterator[list[int]]:
    for start in range(0, len(accounts), most):
        yield list(accounts[start : start + most])
