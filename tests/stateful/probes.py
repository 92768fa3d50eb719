"""Acts that must be refused whatever the state is, each for one reason: what no sensible act of the walk runs into."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, replace
from typing import Any

import boa

from keeper.model.orders import Order
from keeper.model.words import SPOT_ALLOWED, Settings
from tests.model.actors import WAD
from tests.model.chain import NOBODY, ORACLE, load, number, send
from tests.model.revm import REVERT_DATA
from tests.model.signing import sign_order
from tests.model.world import CURVE, MAIN, MARKETS, RISK, SETTINGS
from tests.stateful.timelock import TimelockFlow
from tests.stateful.world import Differs

Call = tuple[Any, str, tuple[Any, ...], str]
SOMEBODY = "0x" + "11" * 20
ORDERS = 2**255
STRING = bytes.fromhex("08c379a0")


def plain(signature: bytes) -> tuple[int, bytes, bytes]:
    """v, r and s."""
    return signature[64], signature[:32], signature[32:64]


class ProbeFlow(TimelockFlow):
    """A walk with probes."""

    def probe(self) -> None:
        """One of them, at random."""
        if self.model.auction.closed_at.value:
            return
        kinds = [self._calls, self._calls, self._calls, self._scenes, self._constructors]
        reason, attempt = self.rng.choice(list(self.rng.choice(kinds)().items()))
        made = attempt()
        said = made if isinstance(made, str) else self._said(made)
        self.world.acts += 1
        if said != reason:
            raise Differs(f"probe: {made} was answered {said!r}, not {reason!r}")
        self.world.refused["probe"] += 1
        self.world.reasons[reason, "probe"] += 1

    def _said(self, call: Call) -> str:
        contract, function, args, sender = call
        return str(send(contract, function, *args, sender=sender)[0])

    # One call

    def _calls(self) -> dict[str, Callable[[], Call]]:
        world, actors, wallet = self.world, self.actors, self.actors.wallets
        house, auction, vault, exchange = world.clearinghouse, world.auction, world.vault, world.exchange
        engine, batch, owner, lock = world.engines.contract, world.batch, actors.owner, self.lock
        one, other = actors.traders[0], actors.takers[0]
        aim = self.model.engine.parameters[0].aim
        bare = replace(aim, calibrated=0, flags=aim.flags & 7)
        rho = (100,) * 28
        signed = self._probe_order(one)
        feed = next(iter(world.engines.feeds.values())).address
        operation = (exchange.address, 0, b"", bytes(32), bytes(32))
        bad = house.deposit.prepare_calldata(one, 1)
        return {
            "access_control: can only renounce roles for itself": lambda: (
                lock,
                "renounceRole",
                (lock.PROPOSER_ROLE(), self.proposer),
                wallet[4],
            ),
            "access_control: account is missing role": lambda: (
                lock,
                "grantRole",
                (lock.PROPOSER_ROLE(), wallet[4]),
                wallet[4],
            ),
            "timelock_controller: length mismatch": lambda: (
                lock,
                "schedule_batch",
                ([exchange.address], [], [b""], bytes(32), bytes(32), 10**6),
                self.proposer,
            ),
            "timelock_controller: operation is not ready": lambda: (lock, "execute", operation, self.executor),
            "auction: curve out of range": lambda: (auction, "add_curve", (1,), owner),
            "auction: not a venue": lambda: (auction, "match", (one, batch.address, []), wallet[0]),
            "auction: not itself": lambda: (auction, "try_slice", (one, other, 1, 0, 0, other, 0), wallet[0]),
            "auction: not winding up": lambda: (auction, "pay_out", (one, 1), wallet[0]),
            "auction: too many to sweep": lambda: (auction, "sweep", (one, 9), wallet[0]),
            "batch: not a venue": lambda: (
                batch,
                "batch",
                ([one], [(6, str(house.address), 0, 0, 0, b"")]),
                wallet[0],
            ),
            "batch: unknown token": lambda: (batch, "batch", ([one], [(3, NOBODY, one, MAIN, 1, b"")]), wallet[0]),
            "batch: wrong call": lambda: (batch, "batch", ([one], [(7, NOBODY, 0, 0, 0, bad)]), wallet[0]),
            "clearinghouse: already listed": lambda: (
                (house, "list_spot", (0, SOMEBODY), owner)
                if aim.flags & SPOT_ALLOWED
                else (house, "list_spot", (1, SOMEBODY), owner)
            ),
            "clearinghouse: not the batch": lambda: (house, "defer", (one, True), wallet[0]),
            "clearinghouse: settings out of range": lambda: (
                house,
                "set_settings",
                (SETTINGS.pack() | 1 << 170,),
                owner,
            ),
            "ecdsa: invalid signature": lambda: (
                vault,
                "permit",
                (wallet[0], wallet[1], 5, ORDERS, 27, bytes(32), b"\x01" * 32),
                wallet[1],
            ),
            "ecdsa: invalid signature `s` value": lambda: (
                vault,
                "permit",
                (wallet[0], wallet[1], 5, ORDERS, 27, b"\x01" * 32, b"\xff" * 32),
                wallet[1],
            ),
            "erc20: invalid signature": lambda: (
                vault,
                "permit",
                (wallet[0], wallet[1], 5, ORDERS, *plain(signed[1])),
                wallet[1],
            ),
            "erc20: expired deadline": lambda: (
                vault,
                "permit",
                (wallet[0], wallet[1], 5, 1, 27, bytes(32), bytes(32)),
                wallet[1],
            ),
            "erc20: approve from the zero address": lambda: (vault, "approve", (wallet[1], 5), NOBODY),
            "erc20: approve to the zero address": lambda: (vault, "approve", (NOBODY, 5), wallet[1]),
            "erc20: insufficient allowance": lambda: (
                vault,
                "transferFrom",
                (wallet[0], wallet[1], 1),
                SOMEBODY,
            ),
            "erc20: transfer amount exceeds balance": lambda: (vault, "transfer", (wallet[0], 2**200), wallet[1]),
            "erc20: transfer from the zero address": lambda: (vault, "transfer", (wallet[0], 0), NOBODY),
            "erc20: transfer to the zero address": lambda: (vault, "transfer", (NOBODY, 0), wallet[1]),
            "exchange: not the auction": lambda: (exchange, "book", (*signed, one, 1), wallet[0]),
            "ownable: caller is not the owner": lambda: (house, "set_venue", (SOMEBODY, True), wallet[5]),
            "ownable_2step: caller is not the new owner": lambda: (
                self.rng.choice([house, auction, exchange, engine]),
                "accept_ownership",
                (),
                wallet[5],
            ),
            "risk_engine: bucket is fixed": lambda: (
                engine,
                "set_parameters",
                (0, replace(bare, bucket=bare.bucket ^ 1).pack()),
                owner,
            ),
            "risk_engine: feed out of range": lambda: (engine, "set_slow_feed", (0, feed, 0, 1), owner),
            "risk_engine: impossible correlations": lambda: (
                engine,
                "set_risk",
                (replace(RISK, rho=(100, 0, *rho[2:])).pack(),),
                owner,
            ),
            "risk_engine: not retiring": lambda: (engine, "freeze", (MARKETS - 1,), wallet[0]),
            "risk_engine: not the calibrator": lambda: (engine, "calibrate", (0, 1, 1, 1, 1), SOMEBODY),
            "risk_engine: parameters out of range": lambda: (
                engine,
                "set_parameters",
                (0, replace(bare, s=0).pack()),
                owner,
            ),
            "risk_engine: risk out of range": lambda: (engine, "set_risk", (replace(RISK, kappa=1).pack(),), owner),
            "risk_engine: signers out of range": lambda: (engine, "set_signers", ([wallet[0]], 2), owner),
            "risk_engine: too many reports": lambda: (engine, "update", ([(0, b"", bytes(65))] * 4,), wallet[0]),
            "risk_engine: unknown market": lambda: (engine, "retire", (MARKETS,), owner),
            "vault: not yet": lambda: (vault, "absorb", ([one],), wallet[0]),
            "vault: market not frozen": lambda: (auction, "shut_down", (), owner),
            "vault: above the limit": lambda: (vault, "deposit", (10**30, wallet[0]), wallet[0]),
        }

    def _probe_order(self, account: int) -> tuple[tuple[object, ...], bytes]:
        order = Order(account, 0, WAD, WAD, 100, ORDERS, 2**63, False, 0)
        return sign_order(order, self.world.order_domain, self.actors.key_of[account >> 96]).call

    # Several calls, all undone

    def _scenes(self) -> dict[str, Callable[[], str]]:
        return {
            "clearinghouse: transfer failed": lambda: self._refusing_token(False),
            "batch: transfer failed": lambda: self._refusing_token(True),
            "clearinghouse: fraction out of range": lambda: self._as_auction((WAD + 1, 0)),
            "clearinghouse: loss beyond the floor": lambda: self._as_auction((1, -(10**29))),
            "clearinghouse: token in use": lambda: self._new_token(self.world.tokens[0].address),
            "clearinghouse: token decimals": lambda: self._new_token(load("testing/TestToken", "T", "T", 19).address),
            "risk_engine: already retired": self._retired_twice,
            "risk_engine: not averaged yet": self._frozen_early,
            "risk_engine: too many markets": self._many_markets,
            "risk_engine: not enough gas": self._little_gas,
            "auction: too many curves": self._many_curves,
            "timelock_controller: underlying transaction reverted": self._reverting_operation,
        }

    def _tried(self, *calls: Call) -> str:
        """What the first call that is refused says, or the last one."""
        said = ""
        for call in calls:
            said = self._said(call)
            if said:
                break
        return said

    def _listing(self, token: Any) -> list[Call]:
        engine, owner = self.world.engines.contract, self.actors.owner
        market = MARKETS - 1
        stored = self.model.engine.parameters[market].aim
        parameters = replace(stored, calibrated=0, flags=stored.flags & 7 | SPOT_ALLOWED).pack()
        return [
            (engine, "set_parameters", (market, parameters), owner),
            (self.world.clearinghouse, "list_spot", (market, token), owner),
        ]

    def _new_token(self, token: Any) -> str:
        with self.world.trial():
            return self._tried(*self._listing(token))

    def _refusing_token(self, by_batch: bool) -> str:
        sender = self.actors.wallets[-2]
        account = number(sender) << 96 | 77
        house, batch = self.world.clearinghouse, self.world.batch
        market = MARKETS - 1
        with self.world.trial():
            token = load("testing/RefusingToken", 18)
            steps = [(3, NOBODY, account, market, 5, b"")]
            last: Call = (house, "deposit_spot", (account, market, 5), sender)
            return self._tried(
                *self._listing(token.address), (batch, "batch", ([account], steps), sender) if by_batch else last
            )

    def _as_auction(self, what: tuple[int, int]) -> str:
        """A slice that the auction never asks for, of a Clearinghouse that takes somebody for its auction."""
        world, (one, other) = self.world, self.actors.traders[:2]
        named = (SOMEBODY, world.vault.address, world.batch.address)
        with world.trial():
            house = load("Clearinghouse", world.quote, world.engines.contract, SETTINGS.pack(), *named)
            return self._said((house, "slice", (one, other, *what, 0, other, 0), SOMEBODY))

    def _retired_twice(self) -> str:
        call: Call = (self.world.engines.contract, "retire", (0,), self.actors.owner)
        with self.world.trial():
            return self._tried(call, call)

    def _frozen_early(self) -> str:
        engine = self.world.engines.contract
        with self.world.trial():
            return self._tried(
                (engine, "retire", (MARKETS - 1,), self.actors.owner), (engine, "freeze", (MARKETS - 1,), SOMEBODY)
            )

    def _many_markets(self) -> str:
        word = replace(self.model.engine.parameters[MARKETS - 1].aim, calibrated=0)
        call: Call = (
            self.world.engines.contract,
            "add_market",
            (replace(word, flags=1).pack(), NOBODY, 0, 0),
            self.actors.owner,
        )
        with self.world.trial():
            return self._tried(*[call] * (65 - MARKETS))

    def _many_curves(self) -> str:
        call: Call = (self.world.auction, "add_curve", (CURVE.pack(),), self.actors.owner)
        with self.world.trial():
            return self._tried(*[call] * (33 - len(self.model.auction.curves.value)))

    def _reverting_operation(self) -> str:
        payload = b"\x01\x02\x03\x04"
        operation = (self.world.quote.address, 0, payload, bytes(32), b"\x01" * 32)
        with self.world.trial():
            first = self._said((self.lock, "schedule", (*operation, 3_600), self.proposer))
            self.world.at(self.model.now + 3_600)
            return first or self._said((self.lock, "execute", operation, self.executor))

    def _little_gas(self) -> str:
        engine = self.world.engines.contract
        try:
            boa.env.evm.revm.message_call(
                SOMEBODY,
                str(engine.address),
                calldata=engine.refresh.prepare_calldata([0]),
                gas=self.rng.randint(100_000, 108_000),
                is_static=False,
            )
        except RuntimeError as error:
            return reason_of(error)
        return ""

    # Deployments that must fail

    def _constructors(self) -> dict[str, Callable[[], str]]:
        world, somebody = self.world, [SOMEBODY]
        house = world.clearinghouse.address
        named = (world.auction.address, world.vault.address, world.batch.address)
        settings = Settings(kink=8_000, at_kink=1, at_full=0, reserve=1_000, band=500, max_fee=100).pack()
        quote, engine = world.quote, world.engines.contract
        return {
            "timelock: delay out of range": lambda: deployed("Timelock", 31 * 86_400, somebody, somebody),
            "timelock: nobody to act": lambda: deployed("Timelock", 1, [], somebody),
            "timelock: zero address": lambda: deployed("Timelock", 1, [NOBODY], somebody),
            "vault: cooldown out of range": lambda: deployed("InsuranceVault", house, "V", "V", 31 * 86_400),
            "exchange: fees out of range": lambda: deployed("Exchange", house, 101, 0),
            "clearinghouse: zero address": lambda: deployed(
                "Clearinghouse", quote, engine, SETTINGS.pack(), NOBODY, *named[1:]
            ),
            "clearinghouse: settings out of range": lambda: deployed("Clearinghouse", quote, engine, settings, *named),
            "risk_engine: oracle out of range": lambda: deployed("RiskEngine", astuple(replace_oracle()), NOBODY, 0),
            "auction: limits out of range": lambda: deployed(
                "Auction", house, self.model.auction.terms.value.pack(), CURVE.pack(), 0
            ),
        }


def replace_oracle() -> Any:
    """An oracle whose reports may be older than what counts as alive."""
    return ORACLE._replace(round_seconds=0) if hasattr(ORACLE, "_replace") else replace(ORACLE, round_seconds=0)


def reason_of(error: RuntimeError) -> str:
    """The revert string in revm's answer."""
    found = REVERT_DATA.search(str(error))
    data = bytes.fromhex(found[1]) if found else b""
    if data[:4] != STRING:
        return f"0x{data.hex()} {error}"
    return data[68 : 68 + int.from_bytes(data[36:68], "big")].decode()


def deployed(name: str, *args: Any) -> str:
    """Why a contract cannot be deployed so."""
    try:
        load(name, *args)
    except RuntimeError as error:
        return reason_of(error)
    return ""
