"""The protocol's books as its contracts' logs tell them, with running sums, and what one act changed in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from keeper.model import interest
from keeper.model.ledger import EMPTY, NO_HOLDING, Account, with_holding
from keeper.model.requirement import Assessment, Holding
from keeper.model.risk_engine import RiskEngine
from keeper.model.words import Custody, Header, Indices, MarketBook, Position, Totals
from tests.model.world import BOOK_CHANGED, RUN_CHANGED, Mirror, bits, topic

TAKEN = topic(
    "Taken(uint256,uint256,uint256,bool,int256,uint256,uint256,uint256,int256,uint256,uint256,int256)",
)
MATCHED = topic("Matched(uint256,uint256,uint256,uint256)")
LOSS_SHARED = topic("LossShared(uint256,uint256,uint256)")
STANDING_CHANGED = topic("StandingChanged(uint256,uint256)")
FILL_SKIPPED = topic("FillSkipped(uint256,uint256,bytes)")
STEP_SKIPPED = topic("StepSkipped(uint256,bytes)")
REVERT = bytes.fromhex("08c379a0")
MADE_GOOD = topic("MadeGood(uint256,int256)")
TRANSFER = topic("Transfer(address,address,uint256)")
Log = tuple[bytes, tuple[int, ...], bytes]


def signed(value: int) -> int:
    """A word of a log as int256."""
    return value - 2**256 if value >> 255 else value


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of an account that was taken, as the auction logged it."""

    account: int
    taker: int
    fraction: int
    clipped: bool
    equity: int
    mm: int
    lambda_account: int
    account_got: int
    opener_got: int
    vault_got: int


@dataclass(frozen=True, slots=True)
class Money:
    """Indices, totals and custody at one moment."""

    indices: Indices
    totals: Totals
    custody: Custody

    @classmethod
    def of(cls, words: tuple[int, int, int]) -> Money:
        """From the three words."""
        return cls(Indices.unpack(words[0]), Totals.unpack(words[1]), Custody.unpack(words[2]))

    def at(self, now: int) -> Money:
        """With interest up to `now`."""
        indices, custody = interest.accrue(self.indices, self.totals, self.custody, now)
        return Money(indices, self.totals, custody)

    def cash(self, account: Account) -> int:
        """What an account's principal is worth."""
        return interest.cash_of(account.principal, self.indices)


class Books(Mirror):
    """A mirror that knows accounts, not only words, sums over them, and what the last act replaced."""

    def __init__(self) -> None:
        super().__init__()
        self.accounts: dict[int, Account] = {}
        self.sizes: Counter[int] = Counter()
        self.open_interest: Counter[int] = Counter()
        self.costs: Counter[int] = Counter()
        self.spots: Counter[int] = Counter()
        self.positive = self.negative = 0
        self.book_costs: Counter[int] = Counter()
        self.cost = self.old_cost = 0
        """Σ of the books' costs, and what it was before the last act."""
        self.shares: Counter[int] = Counter()
        self.supply = 0
        self.vault = b""
        self.replaced: dict[int, Account] = {}
        self.old_runs: dict[int, int] = {}

    def take(self, logs: Iterable[Log]) -> set[int]:
        """Apply an act's logs; `replaced` are then the accounts as they were before it."""
        self.replaced, self.old_runs, self.old_cost = {}, {}, self.cost
        logs = list(logs)
        for _, topics, data in logs:
            if topics[0] == RUN_CHANGED:
                self.old_runs.setdefault(topics[1], self.runs.get(topics[1], 0))
            elif topics[0] == BOOK_CHANGED:
                cost = signed(int.from_bytes(data[16:32], "big") << 128) >> 128
                self.cost += cost - self.book_costs[topics[1]]
                self.book_costs[topics[1]] = cost
        named = super().take(logs)
        for address, topics, data in logs:
            if topics[0] == TRANSFER and address == self.vault:
                self._move_shares(topics[1], topics[2], int.from_bytes(data[:32], "big"))
        return named

    def _account(self, account: int, values: list[int]) -> None:
        super()._account(account, values)
        old = self.accounts.get(account, EMPTY)
        self.replaced.setdefault(account, old)
        header = Header.unpack(values[1])
        holdings = dict(old.holdings)
        for place, word in zip(sorted((place % 64, place // 64) for place in bits(values[2])), values[5:], strict=True):
            market, is_position = place
            holding = holdings.get(market, NO_HOLDING)
            if is_position:
                position = Position.unpack(word)
                holding = holding._replace(size=position.size, cost=position.cost)
            else:
                holding = holding._replace(spot=word)
            self._sum(market, holdings.get(market, NO_HOLDING), holding)
            holdings = with_holding(holdings, market, holding)
        self.positive += max(0, header.principal) - max(0, old.principal)
        self.negative += max(0, -header.principal) - max(0, -old.principal)
        self.accounts[account] = Account(header.principal, holdings)

    def _sum(self, market: int, old: Holding, new: Holding) -> None:
        self.sizes[market] += new.size - old.size
        self.open_interest[market] += abs(new.size) - abs(old.size)
        self.costs[market] += new.cost - old.cost
        self.spots[market] += new.spot - old.spot

    def _move_shares(self, sender: int, receiver: int, amount: int) -> None:
        for holder, change in ((sender, -amount), (receiver, amount)):
            if holder:
                self.shares[holder] += change
        self.supply += (amount if not sender else 0) - (amount if not receiver else 0)

    def book_of(self, market: int) -> tuple[int, int]:
        """A market's Σ |size| and Σ cost as logged."""
        book = MarketBook.unpack(self.books.get(market, 0))
        return book.size, book.cost

    def kept(self) -> dict[str, object]:
        """All of it, to be put back by `restore`; what is in the tables is never changed in place."""
        copies = {name: value.copy() if hasattr(value, "copy") else value for name, value in vars(self).items()}
        copies["words"] = {account: dict(words) for account, words in self.words.items()}
        return copies

    def restore(self, kept: dict[str, object]) -> None:
        """As it was when it was kept."""
        vars(self).update(kept)


@dataclass
class Act:
    """One act that happened: who did what, and what the contracts' logs say it changed."""

    kind: str
    function: str
    args: tuple[object, ...]
    sender: int
    now: int
    engine: RiskEngine
    books: Books
    before: Money
    after: Money
    supply_before: int
    logs: list[Log] = field(repr=False)

    @cached_property
    def changed(self) -> dict[int, tuple[Account, Account]]:
        """Accounts that the act changed: before and after."""
        books = self.books
        return {
            account: (old, books.accounts[account])
            for account, old in books.replaced.items()
            if old != books.accounts[account]
        }

    def was(self, account: int) -> Assessment:
        """An account before the act, with interest up to now."""
        return self._assess(account, self.books.replaced.get(account), self.before)

    def was_sharing(self, account: int) -> Assessment:
        """As `was`, once a loss was shared that the act brought."""
        return self._assess(account, self.books.replaced.get(account), self.after)

    def is_now(self, account: int) -> Assessment:
        """An account after the act."""
        return self._assess(account, self.books.accounts[account], self.after)

    def _assess(self, account: int, stored: Account | None, money: Money) -> Assessment:
        stored = self.books.accounts.get(account, EMPTY) if stored is None else stored
        return self.engine.assess(money.cash(stored), stored.holdings)

    @cached_property
    def slices(self) -> list[Slice]:
        """Parts that bids and sweeps took."""
        found = []
        for _, topics, data in self.logs:
            if topics[0] == TAKEN:
                v = [int.from_bytes(data[at : at + 32], "big") for at in range(0, len(data), 32)]
                found.append(
                    Slice(topics[1], topics[2], v[0], bool(v[1]), signed(v[2]), v[3], v[4], v[7], v[8], signed(v[9]))
                )
        return found

    @cached_property
    def matched(self) -> dict[int, int]:
        """Accounts that a match relieved, with the number of its fills."""
        return {topics[1]: int.from_bytes(data[:32], "big") for _, topics, data in self.logs if topics[0] == MATCHED}

    @cached_property
    def forced(self) -> set[int]:
        """Accounts that were relieved."""
        return {part.account for part in self.slices} | set(self.matched)

    @property
    def bids_taken_off(self) -> int:
        """Standing bids that left the book."""
        return sum(topics[0] == STANDING_CHANGED and not any(data) for _, topics, data in self.logs)

    @property
    def reasons(self) -> list[str]:
        """Why fills of a match, or of a batch, were left out."""
        found = []
        for _, topics, data in self.logs:
            if topics[0] in (FILL_SKIPPED, STEP_SKIPPED):
                at = data.find(REVERT)
                length = int.from_bytes(data[at + 36 : at + 68], "big") if at >= 0 else 0
                if length:
                    found.append(data[at + 68 : at + 68 + length].decode(errors="replace"))
        return found

    @cached_property
    def shares_loss(self) -> bool:
        """All positive cash was charged with what the vault could not pay."""
        return any(topics[0] == LOSS_SHARED for _, topics, _ in self.logs)

    @cached_property
    def made_good(self) -> int:
        """What the vault owed for accounts that lacked something after a shutdown."""
        found = [signed(int.from_bytes(data[:32], "big")) for _, topics, data in self.logs if topics[0] == MADE_GOOD]
        return sum(10**12 - equity for equity in found)
