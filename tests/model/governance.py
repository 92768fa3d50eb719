"""Random acts of the owner, each tried by a stranger now and then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from keeper.model.state import Refused
from keeper.model.words import LISTED, PERP_ALLOWED, SPOT_ALLOWED, Curve, Limits, Risk, Settings, Terms
from tests.model.actors import WAD
from tests.model.chain import number
from tests.model.walk import Walk
from tests.model.world import MAIN, RHO, RISK, TERMS

Change = tuple[Any, str, tuple[Any, ...], Callable[[], Any]]
MAX_CURVES = 24
"""Of 32: how many this walk adds before it stops."""


def not_the_owner() -> None:
    """What a stranger is told."""
    raise Refused("ownable: caller is not the owner")


class Governance(Walk):
    """Settings, fees, terms, curves, parameters, correlations and venues change while the protocol runs."""

    def govern(self) -> None:
        if self.rng.random() < 0.15:
            if not self.model.engine.calibrator.value:
                self.appoint()
            self.calibrate()
            return
        choices = [
            self._settings,
            self._fees,
            self._terms,
            self._limits,
            self._curve,
            self._parameters,
            self._risk,
            self._venue,
        ]
        contract, function, args, act = self.rng.choice(choices)()
        if self.rng.random() < 0.25:
            self.world.both("govern", contract, function, args, self.actors.anyone(), not_the_owner)
        else:
            self.world.both("govern", contract, function, args, self.actors.owner, act)

    def _settings(self) -> Change:
        rng = self.rng
        settings = Settings(
            kink=rng.choice([1, 5_000, 8_000, 9_999]),
            at_kink=rng.randint(0, 300_000_000),
            at_full=rng.randint(300_000_000, 2**32 - 1),
            reserve=rng.choice([0, 1_000, 10_000]),
            band=rng.choice([300, 500, 1_000]),
            max_fee=rng.choice([50, 100]),
        )
        act = self.model.clearinghouse.set_settings
        return self.world.clearinghouse, "set_settings", (settings.pack(),), lambda: act(settings)

    def _fees(self) -> Change:
        fees = (self.rng.choice([0, 3, 10, 101]), self.rng.choice([0, 1, 5]))
        return self.world.exchange, "set_fees", fees, lambda: self.model.exchange.set_fees(*fees)

    def _terms(self) -> Change:
        rng = self.rng
        terms = Terms(
            target=rng.choice([10_501, 12_000, 14_000, 15_000, 15_001, 10_000]),
            penalty=rng.choice([0, 500, 500]),
            backstop=rng.choice([1, 60, 300, 0 if rng.random() < 0.2 else 300]),
            grace=rng.choice([60, 300]),
            opener_cap=rng.choice([0, 10**18, TERMS.opener_cap, TERMS.opener_cap, 10**24]),
            watch=rng.choice([1, 20, 60, 60, 65_535, 0 if rng.random() < 0.2 else 60]),
        )
        return self.world.auction, "set_terms", (terms.pack(),), lambda: self.model.auction.set_terms(terms)

    def _limits(self) -> Change:
        rng = self.rng
        most = rng.choice([0, 10 * WAD, 300 * WAD, 300 * WAD, 10**24])
        limits = Limits(most, rng.choice([1, 600, 600, 86_400, 0 if rng.random() < 0.2 else 600]))
        return self.world.auction, "set_limits", (limits.pack(),), lambda: self.model.auction.set_limits(limits)

    def _curve(self) -> Change:
        rng = self.rng
        if len(self.model.auction.curves.value) > MAX_CURVES:
            return self._terms()
        low, middle, high = sorted(rng.randint(0, 10_000) for _ in range(3))
        start = rng.choice([0, 5])
        curve = Curve(((start, low), (start + rng.randint(1, 90), middle), (start + rng.randint(91, 400), high)))
        return self.world.auction, "add_curve", (curve.pack(),), lambda: self.model.auction.add_curve(curve)

    def _parameters(self) -> Change:
        rng, engine = self.rng, self.model.engine
        market = rng.randrange(MAIN)
        old = engine.parameters[market].aim
        # That a market is given up, and when it was calibrated, nobody sets.
        old = replace(old, calibrated=0, flags=old.flags & (LISTED | PERP_ALLOWED | SPOT_ALLOWED))
        new = replace(
            old, s=rng.choice([old.s, old.s, rng.randint(900, 9_000)]), u=rng.randint(0, 3_000), g=rng.randint(0, 900)
        )
        act = engine.set_parameters
        return self.world.engines.contract, "set_parameters", (market, new.pack()), lambda: act(market, new)

    def calibrate(self) -> None:
        """A small step of one market's parameters, now and then too large, too early or by nobody's leave."""
        rng, engine = self.rng, self.model.engine
        market = rng.choice([*range(MAIN), 60]) if rng.random() < 0.2 else rng.randrange(MAIN)
        aim = engine.parameters[market].aim
        most = rng.choice([5, 5, 5, 4])
        numbers = tuple(old + rng.randint(-(old // most), old // most) for old in (aim.s, aim.u, aim.g, aim.cap))
        caller = self.actors.anyone() if rng.random() < 0.2 else self.actors.owner
        self.world.both(
            "calibrate",
            self.world.engines.contract,
            "calibrate",
            (market, *numbers),
            caller,
            lambda: engine.calibrate(number(caller), market, *numbers),
        )

    def appoint(self) -> None:
        """The owner calibrates too; it was nobody before."""
        engine, owner = self.model.engine, self.actors.owner
        self.world.both(
            "govern",
            self.world.engines.contract,
            "set_calibrator",
            (owner,),
            owner,
            lambda: engine.set_calibrator(number(owner)),
        )

    def _risk(self) -> Change:
        rng = self.rng
        scale = rng.choice([0, 50, 100, 100])
        rho = tuple(percent * scale // 100 for percent in RHO)
        risk = Risk(rho, rng.choice([500, 2_500, 10_000]), RISK.iota, rng.choice([1, 2_000, 30_000]))
        act = self.model.engine.set_risk
        return self.world.engines.contract, "set_risk", (risk.pack(),), lambda: act(risk)

    def allow_venue(self) -> None:
        """The venue that was revoked is let in again."""
        self.world.both("govern", *self._venue()[:3], self.actors.owner, self._venue()[3])

    def _venue(self) -> Change:
        allowed = not self.model.clearinghouse.venues[number(self.world.venue)]
        venue = self.world.venue
        act = self.model.clearinghouse.set_venue
        return self.world.clearinghouse, "set_venue", (venue, allowed), lambda: act(number(venue), allowed)
