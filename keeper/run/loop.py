"""The keeper at work: head after head, mirror, screen, decide, send."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterable
from functools import partial

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from keeper.book.exact import Exact
from keeper.book.near import Watch
from keeper.book.warm import warm_up
from keeper.capital import InsufficientError, Ledger
from keeper.chain.types import Header, LinkError, RpcError
from keeper.config import Config, ConfigError, Deployment
from keeper.decide.attempts import Attempts
from keeper.decide.bids import Bid, Bidder
from keeper.decide.models import bid_model
from keeper.decide.refresh import renewable
from keeper.execution.decisions import BID, KINDS, MATCH, OPEN, REFRESH, SWEEP, bid_decision
from keeper.execution.lane import Lane
from keeper.execution.signers import Signer
from keeper.execution.simulation import Outcome
from keeper.model.margin import spare
from keeper.model.prices import LATE
from keeper.model.requirement import Assessment
from keeper.run.chores import Chores
from keeper.run.compare import Comparison
from keeper.run.duty import Duty
from keeper.run.relief import Relief
from keeper.run.rivals import RivalWatch
from keeper.run.session import Changes, Session
from keeper.store.journal import Decision, Journal
from keeper.watch import metrics
from keeper.watch.health import Health
from keeper.watch.switch import KillSwitch

log = structlog.get_logger(__name__)

DEEP = 8
"""Blocks rolled back at once that somebody should hear of."""
PAID_FOR = {BID: (1, 64), MATCH: (64, 65_536), SWEEP: (64, 65_536)}
"""Blocks to wait, the first time and at most, with what was mined and failed at our cost."""
BACKOFF = 0.25
"""Seconds to wait after a failure before the newest head is asked for."""


class Keeper:
    """One taker account, one or two keys, one deployment."""

    def __init__(
        self,
        config: Config,
        deployment: Deployment,
        engine: Engine,
        signers: tuple[Signer, Signer],
        health: Health,
        switch: KillSwitch,
    ) -> None:
        self.session = Session(config, deployment, engine)
        self.health = health
        self.switch = switch
        self.ledger = Ledger()
        self.taker = int(config.taker.owner or signers[0].address, 16) << 96 | config.taker.sub
        self._config = config
        self._auction = deployment.address("Auction")
        self._watch = Watch(self.session.mirror.book)
        self._bidder = Bidder(config.bid, config.fees, bid_model(config.bid), self.taker)
        # What a bid of several lots met says little of each: it is alone only once it has failed again.
        self._attempts = {kind: Attempts(patience=int(kind == BID)) for kind in KINDS}
        self._quarantined: dict[int, str] = {}
        self._comparison = Comparison(self.session.node, deployment, config.book)
        self._rivals = RivalWatch(engine, self.taker)
        self._arrived = 0.0
        journal = Journal(engine)

        def lane(name: str, signer: Signer) -> Lane:
            node, chain_id = self.session.node, deployment.chain_id
            return Lane(name, signer, node, journal, config.fees, chain_id, self._ended, switch.stops)

        self._urgent = lane("urgent", signers[0])
        shared = signers[1].address == signers[0].address
        self._opens = self._urgent if shared else lane("opens", signers[1])
        self._lanes = [self._urgent] if shared else [self._urgent, self._opens]
        self._duty = Duty(config, deployment, self._opens.address, self.taker, self._attempts, self._busy, self._assess)
        self._relief = Relief(config, deployment, self.session.node, self._opens.address)
        self._chores = Chores(self.session.node, journal, config.fees.native_price, health, self._lanes)
        self._mirror = self.session.mirror
        self._saved = -1
        self._over = False

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop. Raises ConfigError when the chain is not the deployment's."""
        stopping = asyncio.create_task(stop.wait())
        try:
            await self._start()
            while not stop.is_set():
                waiting = asyncio.create_task(self.session.node.next_head())
                await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if not waiting.done():
                    waiting.cancel()
                await self._handle(waiting, stop)
            await self.session.save()
            for lane in self._lanes:
                lane.note()
        finally:
            stopping.cancel()
            await self._relief.close()
            await self.session.close()

    async def _start(self) -> None:
        # The first head is served as fast as any other.
        await asyncio.to_thread(warm_up)
        await self.session.open()
        head = await self.session.node.latest()
        await self.session.catch_up(head)
        for lane in self._lanes:
            await lane.resume(head, self._config.chain.history_blocks)
            for pending in lane.pending:
                if pending.decision.reserved:
                    self.ledger.restore(pending.decision.id, pending.decision.reserved)
        self._mirror = self.session.mirror
        await self._chores.balances()
        await self.session.save()
        self._saved = self.session.mirror.number
        await self.session.node.follow()
        log.info(
            "started",
            head=head.number,
            accounts=len(self.session.mirror.book),
            taker=hex(self.taker),
            sender=self._urgent.address,
        )
        await self._on_head(head, self.session.take_changes())
        self.health.handled(self.session.mirror.number)

    async def _handle(self, waiting: asyncio.Task[Header | None], stop: asyncio.Event) -> None:
        """One head, or the news that there is none; a failure is counted and told, and the next head starts afresh."""
        try:
            head = await waiting
            if head is not None:
                self._arrived = time.perf_counter()
                await self.session.catch_up(head)
                await self._on_head(head, self.session.take_changes())
                took = time.perf_counter() - self._arrived
                metrics.HEAD_SECONDS.observe(took)
                log.debug("head", block=head.number, seconds=round(took, 4))
        except asyncio.CancelledError:
            if not stop.is_set():
                raise
        except (LinkError, RpcError) as error:
            if other := self.session.node.other_chain:
                raise ConfigError(other) from error
            await self._failed(str(error))
        except SQLAlchemyError as error:
            # What was not journaled was not sent either; the disk may have room again, or the lock be gone.
            await self._failed(f"the store: {getattr(error, 'orig', None) or error}")
        else:
            self.health.handled(self.session.mirror.number)

    async def _failed(self, reason: str) -> None:
        metrics.HEAD_FAILURES.inc()
        self.health.failed(reason)
        log.warning("a head was not handled", error=reason)
        self.session.node.again()
        await asyncio.sleep(BACKOFF)

    async def _on_head(self, head: Header, changes: Changes) -> None:
        mirror = self.session.mirror
        if changes.undone is not None:
            # Before anything that may fail: it is told once.
            for lane in self._lanes:
                lane.roll_back(changes.undone)
        metrics.HEAD.set(mirror.number)
        metrics.HEAD_TIME.set(mirror.time)
        metrics.HEAD_SEEN.set(time.time())
        self._look(head, changes)
        self._rivals.judge(changes, head.number, self._busy(SWEEP))
        exact = self.session.exact()
        await self._comparison.read(exact, self._quarantined)
        wanted = partial(self._wanted, exact)
        for lane in self._lanes:
            await lane.tend(head, changes.seen, wanted)
        if exact.ready:
            under, late = self._under(exact)
            seen = time.perf_counter() - self._arrived
            submit = partial(self._submit, self._opens, head)
            bidding = self._config.bid.enabled and not self.switch.stops(BID)
            if bidding:
                await self._bid(exact, under, head)
            stuck = bidding and "capital" in self._bidder.whys.values()
            if self._config.sight.enabled and not self.switch.stops(OPEN):
                await self._duty.sight(exact, under, head, submit)
                await self._duty.renew(exact, late, stuck, head, submit)
            await self._relief.one_head(
                exact,
                under,
                head,
                self._attempts,
                self._busy,
                self.switch.stops,
                submit,
            )
            self._observe(head, under, seen, bidding=bidding)
            self._report(under, head)
            if self._watch.is_worn:
                # All is sent that this head called for: now there is time.
                self._watch.renew(exact)
            if changes.seen:
                await self._comparison.one_round(exact)
        elif exact.shut_down and not self._over:
            self._over = True
            self.health.shut_down = exact.shut_down
            log.warning("the protocol is shut down: nothing is sighted or bid for", since=exact.shut_down)
        for lane in self._lanes:
            await lane.wind_up(head, wanted)
        self._rivals.write()
        await self._relief.refresh()
        await self._chores.one(head)
        if mirror.number - self._saved >= self._config.store.snapshot_blocks:
            self._saved = mirror.number
            self.session.save_aside()

    def _look(self, head: Header, changes: Changes) -> None:
        """Numbers and events for whoever watches."""
        health = self.health
        health.head_time, health.base_fee, health.most_fee = head.time, head.base_fee, self._config.fees.max_fee
        if changes.undone is not None and (depth := head.number - changes.undone) > DEEP:
            health.tell("reorg_deep", f"back to block {changes.undone}, {depth} blocks below the head")
        if self.session.mirror is not self._mirror:
            self._mirror = self.session.mirror
            health.tell("book_reread", f"at block {head.number}, as what was known is not on the chain")

    def _observe(self, head: Header, under: Collection[int], seconds: float, *, bidding: bool) -> None:
        """Why what is under the line is not bid for, in case somebody else does."""
        bids = [pending for pending in self._urgent.pending if pending.decision.kind == BID]
        whys = self._bidder.whys if bidding else {}
        self._rivals.observe(head.number, under, whys, "busy" if bidding else "off", seconds, bids)

    def _under(self, exact: Exact) -> tuple[list[int], list[int]]:
        """Accounts that a sighting would find in breach now, screened in floats, decided in integers; and those that it
        might, were their prices not late."""
        book = self.session.mirror.book
        if self._watch.book is not book:
            self._watch = Watch(book)
        found = self._watch.select(exact)
        under: list[int] = []
        late: list[int] = []
        for account in dict.fromkeys([*exact.accounts(found.rows), *exact.told]):
            assessment = self._assess(exact, account)
            if assessment is None:
                continue
            if assessment.sighted:
                (late if assessment.state == LATE else under).append(account)
        metrics.ACCOUNTS.set(len(book))
        metrics.LOOKED_AT.set(found.looked_at)
        metrics.SELECTED.set(len(found.rows))
        metrics.UNDER.set(len(under))
        metrics.LATE.set(len(late))
        return under, late

    def _assess(self, exact: Exact, account: int) -> Assessment | None:
        """None, loudly, for an account that cannot be computed: it must not keep the others from being served."""
        try:
            assessment = exact.assess(account)
        except (ValueError, ArithmeticError, LookupError) as error:
            if account not in self._quarantined:
                log.error("an account cannot be computed", account=hex(account), error=repr(error))
            self._quarantined[account] = repr(error)
            return None
        if account not in exact.told:
            self._quarantined.pop(account, None)
        return assessment

    async def _bid(self, exact: Exact, under: Iterable[int], head: Header) -> None:
        cash, holdings = exact.cash(self.taker), exact.holdings(self.taker)
        self.ledger.observe(spare(exact.measure(cash, holdings)))
        if any(pending.decision.kind == BID for pending in self._urgent.pending):
            # Its fate decides what the taker holds; the next bid is made from there.
            return
        attempts = self._attempts[BID]
        # What others are asked to take is theirs until it is known whether they did.
        given = self._busy(MATCH) | self._busy(SWEEP)
        accounts = [account for account in under if account not in given and attempts.may(account, head.number)]
        offers = self._bidder.offers(exact, accounts)
        suspects = [offer for offer in offers if attempts.alone(offer.account)]
        bid = self._bidder.choose(exact, [offer for offer in offers if offer not in suspects], self.ledger.free)
        for offer in suspects:
            if bid is not None:
                break
            bid = self._bidder.choose(exact, [offer], self.ledger.free)
        if bid is not None:
            await self._place(bid, head)

    async def _place(self, bid: Bid, head: Header) -> None:
        decision = bid_decision(self._auction, self._urgent.address, bid, head)
        try:
            self.ledger.reserve(decision.id, bid.margin)
        except InsufficientError as error:
            log.warning("not enough margin for a bid", error=str(error))
            return
        try:
            await self._submit(self._urgent, head, decision)
        except SQLAlchemyError:
            # Not journaled, so never sent: unless its bytes are, it binds nothing.
            if all(pending.decision.id != decision.id for pending in self._urgent.pending):
                self.ledger.release(decision.id)
            raise

    async def _submit(self, lane: Lane, head: Header, *decisions: Decision) -> list[Outcome]:
        """Those of one kind together; what became of each."""
        results = await lane.submit_all(decisions, head)
        for decision, (outcome, reason) in zip(decisions, results, strict=True):
            if outcome is Outcome.REFUSED:
                self._attempts[decision.kind].failed(decision.accounts, reason, head.number)
            log.info(
                decision.kind,
                outcome=outcome.value,
                block=head.number,
                accounts=[hex(account) for account in decision.accounts],
                profit=decision.profit / 10**18,
            )
        return [outcome for outcome, _ in results]

    def _ended(self, decision: Decision, state: str) -> None:
        self.ledger.release(decision.id)
        if decision.kind == BID:
            self._rivals.ended(decision, reverted=state == "reverted")
        attempts = self._attempts[decision.kind]
        if state == "mined":
            attempts.succeeded(decision.accounts)
        elif state == "reverted":
            # Whoever makes it fail once may do so again: each time it waits longer, but for what is our duty.
            block = self.session.mirror.number
            attempts.failed(decision.accounts, "it was mined and reverted", block, *PAID_FOR.get(decision.kind, ()))
            self._relief.failed(decision, block)
        if state == "reverted":
            self.health.tell("transaction_reverted", f"{decision.kind} of {len(decision.accounts)} accounts")
        elif state == "dropped":
            self.health.tell("nonce_taken", f"{decision.sender}: a transaction that is not in the journal used a nonce")

    def _busy(self, kind: str) -> set[int]:
        """Accounts that a pending transaction of this kind is about."""
        return {
            account
            for lane in self._lanes
            for pending in lane.pending
            if pending.decision.kind == kind
            for account in pending.decision.accounts
        }

    def _wanted(self, exact: Exact, decision: Decision) -> bool:
        """Whether a pending decision would still do something."""
        if decision.kind == REFRESH:
            return bool(renewable(exact, decision.accounts, self._config.fees.max_gas))
        assessments = [self._assess(exact, account) for account in decision.accounts]
        return any(assessment is not None and assessment.sighted for assessment in assessments)

    def _report(self, under: Collection[int], head: Header) -> None:
        quarantined = self._quarantined | self._comparison.different
        self.health.quarantined = {hex(account): reason for account, reason in quarantined.items()}
        metrics.QUARANTINED.set(len(quarantined))
        self.health.free_capital = self.ledger.free if self._config.bid.enabled else None
        failing: dict[str, str] = {}
        asked = set(under)
        for kind, attempts in self._attempts.items():
            if kind not in (OPEN, REFRESH):
                attempts.keep(asked, head.number)
            for account, failure in attempts.failures.items():
                if account in asked or kind == REFRESH:
                    failing[hex(account)] = f"{kind}: {failure.reason}"
        self.health.failing = failing
        metrics.FAILING.set(len(failing))
