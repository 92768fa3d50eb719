"""What others take, noted with the reason why it was not ours; written once all is sent that a head called for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from keeper.decide.rivals import Label, Opportunity, Rivals
from keeper.run.session import Changes
from keeper.store.journal import Decision, Pending
from keeper.store.opportunities import forget, note
from keeper.watch import metrics

log = structlog.get_logger(__name__)


class RivalWatch:
    """Of one keeper and its taker's account."""

    def __init__(self, engine: Engine, taker: int) -> None:
        self._engine = engine
        self._taker = taker
        self._rivals = Rivals()
        self._since: int | None = None
        self._undone: int | None = None
        self._found: dict[tuple[int, int], Opportunity] = {}
        self._times: dict[int, int] = {}

    def judge(self, changes: Changes, block: int, swept: Collection[int]) -> None:
        """What was sold since the last head, before what is known of that head is forgotten.

        `swept`: accounts that a sweep of ours is under way for. Sales before the first head are of another time.
        """
        if self._since is None:
            self._since = block
        if changes.undone is not None:
            self._undone = changes.undone if self._undone is None else min(self._undone, changes.undone)
            self._found = {at: one for at, one in self._found.items() if at[0] <= changes.undone}
        for header, sold in changes.taken:
            if header.number <= self._since:
                continue
            self._times[header.number] = header.time
            for place, sale in enumerate(sold):
                if sale.taker == self._taker or sale.account in swept:
                    continue
                label, seen = self._rivals.label(sale.account, header.number)
                self._found[header.number, place] = Opportunity(
                    block=header.number,
                    place=place,
                    account=sale.account,
                    taker=sale.taker,
                    label=label,
                    fraction=sale.fraction,
                    requirement=sale.requirement,
                    lambda_taker=sale.lambda_taker,
                    seen_block=None if seen is None else seen.block,
                    seen_seconds=None if seen is None else round(seen.seconds, 4),
                    sent_block=None if seen is None else seen.sent_block,
                )
                metrics.RIVALS.labels(label).inc()
                log.info("somebody else took it", account=hex(sale.account), taker=hex(sale.taker), why=label)

    def observe(
        self,
        block: int,
        under: Iterable[int],
        whys: Mapping[int, Label],
        rest: Label,
        seconds: float,
        bids: Iterable[Pending],
    ) -> None:
        """As of Rivals, with the bids that are under way."""
        self._rivals.observe(block, under, whys, rest, seconds)
        for pending in bids:
            first = next((one.sent_block for one in pending.signed if one.sent_block is not None), None)
            if first is not None:
                self._rivals.sent(pending.decision.accounts, first)

    def ended(self, decision: Decision, *, reverted: bool) -> None:
        """A bid is over."""
        self._rivals.ended(decision.accounts, reverted=reverted)

    def write(self) -> None:
        """Into the store; if that fails, with a later head. Nothing else depends on it."""
        if self._undone is None and not self._found:
            return
        try:
            if self._undone is not None:
                forget(self._engine, self._undone)
                self._undone = None
            if self._found:
                note(self._engine, list(self._found.values()), self._times)
        except SQLAlchemyError as error:
            log.warning("what others took was not written down", error=str(error))
            return
        self._found, self._times = {}, {}
