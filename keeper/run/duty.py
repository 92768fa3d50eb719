"""What the keeper owes whether it pays or not: sightings, and the late prices renewed that keep accounts from them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from keeper.book.exact import Exact
from keeper.chain.types import Header
from keeper.config import Config, Deployment
from keeper.decide import refresh
from keeper.decide.attempts import Attempts
from keeper.decide.sight import ALONE, batches, due, gas_of, recovered
from keeper.execution.decisions import OPEN, REFRESH, open_decision, refresh_decision
from keeper.execution.lane import TOGETHER
from keeper.execution.simulation import Outcome
from keeper.model.prices import LATE
from keeper.model.requirement import Assessment
from keeper.run.relief import Busy, Submit

Assess = Callable[[Exact, int], Assessment | None]
"""None for an account that cannot be computed."""


CONCERNED = 256
"""Accounts for whose sake prices are renewed that the journal is told of."""


class Duty:
    """Of one keeper."""

    def __init__(
        self,
        config: Config,
        deployment: Deployment,
        sender: str,
        taker: int,
        attempts: Mapping[str, Attempts],
        busy: Busy,
        assess: Assess,
    ) -> None:
        self._config = config
        self._auction, self._engine = deployment.address("Auction"), deployment.address("RiskEngine")
        self._sender = sender
        self._taker = taker
        self._attempts = attempts
        self._busy = busy
        self._assess = assess

    async def sight(self, exact: Exact, under: Collection[int], head: Header, submit: Submit) -> None:
        """Sight what is owed, the most urgent first, and what failed with others on its own."""
        section, most = self._config.sight, self._config.fees.max_gas
        attempts, pending = self._attempts[OPEN], self._busy(OPEN)
        wanted = [account for account in under if due(exact, account, section.resight)]
        if section.clear_recovered:
            going = (a for a in exact.mirror.runs if exact.running(a) or exact.run(a).listed)
            wanted += [account for account in going if self._assess(exact, account) and recovered(exact, account)]
        attempts.keep(set(wanted), head.number)
        ready = [account for account in wanted if account not in pending and attempts.may(account, head.number)]
        together = [account for account in ready if not attempts.alone(account)]
        groups = [(group, gas_of(exact, group)) for group in batches(exact, together, section.batch, most)]
        if len(groups) > 1:
            # As much for the last, smaller one: some nodes try it where a larger one found no room in a block any more,
            # find its nonce too high and drop it.
            groups[-1] = groups[-1][0], max(gas for _, gas in groups[-2:])
        alone = ([account] for account in ready if attempts.alone(account))
        groups += [(group, min(most, ALONE * gas_of(exact, group))) for group in alone]
        made = [open_decision(self._auction, self._sender, group, gas, head) for group, gas in groups]
        for first in range(0, len(made), TOGETHER):
            if Outcome.HELD in await submit(*made[first : first + TOGETHER]):
                # Nothing can be sent now; the next head begins with the most urgent ones again.
                break

    async def renew(self, exact: Exact, late: Collection[int], stuck: bool, head: Header, submit: Submit) -> None:
        """Renew the late prices that keep accounts from being sighted, or the taker from bidding.

        `stuck`: whether there is something to bid for that the taker cannot carry, for this or another reason.
        """
        if not self._config.sight.refresh or self._busy(REFRESH):
            return
        asked = list(late)
        if stuck:
            seen = self._assess(exact, self._taker)
            if seen is not None and seen.state == LATE:
                asked.append(self._taker)
        attempts, most = self._attempts[REFRESH], self._config.fees.max_gas
        attempts.keep(set(asked), head.number)
        may = (account for account in asked if attempts.may(account, head.number))
        asked = [account for account in may if refresh.renewable(exact, [account], most)]
        # What failed with others goes alone, so that it fails alone.
        chosen = [account for account in asked if not attempts.alone(account)][:CONCERNED] or asked[:1]
        if markets := refresh.renewable(exact, chosen, most):
            held = sum(1 << market for market in markets)
            concerned = [account for account in chosen if exact.maps(account) & held]
            gas = min(most, refresh.gas_of(markets))
            await submit(refresh_decision(self._engine, self._sender, markets, concerned, gas, head))
