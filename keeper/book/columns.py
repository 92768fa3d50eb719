"""Every account as a row of float columns, in quote and base units, for screening all of them at once."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from keeper.book.mirror import Entry, slots
from keeper.model.words import Header, Position

WAD = 10**18
Floats = NDArray[np.float64]


class Columns:
    """Rows grow as accounts appear and markets as they are met; an emptied account keeps its row."""

    def __init__(self) -> None:
        self.accounts: list[int] = []
        self._row: dict[int, int] = {}
        self._principal: Floats = np.zeros(64)
        self._spot: Floats = np.zeros((64, 4))
        self._size: Floats = np.zeros((64, 4))
        self._cost: Floats = np.zeros((64, 4))
        self._claims: Floats = np.zeros(64)

    def __len__(self) -> int:
        return len(self.accounts)

    @property
    def markets(self) -> int:
        """Columns of the market arrays."""
        return int(self._spot.shape[1])

    @property
    def principal(self) -> Floats:
        """Cash principal."""
        return self._principal[: len(self)]

    @property
    def spot(self) -> Floats:
        """Spot balances, a column a market."""
        return self._spot[: len(self)]

    @property
    def size(self) -> Floats:
        """Position sizes."""
        return self._size[: len(self)]

    @property
    def cost(self) -> Floats:
        """Position costs, claims (size 0, cost below 0) among them."""
        return self._cost[: len(self)]

    def row(self, account: int) -> int | None:
        """The account's row, if it has one."""
        return self._row.get(account)

    def update(self, entries: Iterable[tuple[int, Entry]]) -> None:
        """Write the rows of these accounts anew."""
        for account, entry in entries:
            at = self._row.get(account)
            if at is None:
                at = self._row[account] = len(self.accounts)
                self.accounts.append(account)
                self._reserve(len(self.accounts), 0)
            self._write(at, entry)

    def _write(self, at: int, entry: Entry) -> None:
        self._reserve(0, (entry.spots | entry.perps).bit_length())
        self._principal[at] = Header.unpack(entry.header).principal / WAD
        self._spot[at] = self._size[at] = self._cost[at] = 0
        for (market, is_position), word in zip(slots(entry.spots, entry.perps), entry.words, strict=True):
            if is_position:
                position = Position.unpack(word)
                self._size[at, market] = position.size / WAD
                self._cost[at, market] = position.cost / WAD
            else:
                self._spot[at, market] = word / WAD

    def _reserve(self, rows: int, markets: int) -> None:
        have_rows, have_markets = self._spot.shape
        if rows <= have_rows and markets <= have_markets:
            return
        more_rows = max(0, 2 * have_rows - have_rows) if rows > have_rows else 0
        more_markets = max(markets - have_markets, 0)
        grow = ((0, more_rows), (0, more_markets))
        self._principal = np.pad(self._principal, grow[0])
        self._spot, self._size, self._cost = (np.pad(array, grow) for array in (self._spot, self._size, self._cost))
