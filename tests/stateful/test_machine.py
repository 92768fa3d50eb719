"""The same acts as a state machine of hypothesis: sequences that it finds by itself and cuts short when one fails.

What an act does follows from one number, so that acts can be left out of a sequence without changing the others. And
after each of them somebody must be able to leave.
"""

from __future__ import annotations

import boa
from boa.environment import Env
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.model.chain import use_own_cache
from tests.model.revm import Revm
from tests.stateful.episode import Episode

EXAMPLES = 12
STEPS = 40
numbers = st.integers(0, 2**32 - 1)


class Acts(RuleBasedStateMachine):
    """A deployment, and how one act is done in it."""

    def __init__(self) -> None:
        super().__init__()
        use_own_cache()
        env = Env()
        env.evm = Revm(env)
        self.swapped = boa.swap_env(env)
        self.swapped.__enter__()

    @initialize(seed=numbers)
    def deploy(self, seed: int) -> None:
        """Everything, with people of different means in weather that the seed chooses."""
        self.episode = Episode(seed, STEPS)

    def do(self, kind: str, number: int) -> None:
        """One act of a kind, with all that it needs drawn from the number."""
        self.episode.rng.seed(number)
        self.episode.data.pass_time()
        getattr(self.episode, kind)()

    def teardown(self) -> None:
        """The chain that was there before."""
        self.swapped.__exit__(None, None, None)


class Roles(Acts):
    """Who acts: rules by role, with an invariant that everybody can leave."""

    @rule(number=numbers, kind=st.sampled_from(["deposit", "withdraw", "deposit_spot", "withdraw_spot", "batch"]))
    def owner(self, kind: str, number: int) -> None:
        """Traders, lenders and operators move what is theirs."""
        self.do(kind, number)

    @rule(number=numbers, kind=st.sampled_from(["trade", "fill", "cross", "cancel", "cancel_below", "settle"]))
    def trader(self, kind: str, number: int) -> None:
        """Makers and takers of orders."""
        self.do(kind, number)

    @rule(number=numbers, kind=st.sampled_from(["update", "refresh", "push"]))
    def signer(self, kind: str, number: int) -> None:
        """Who brings prices."""
        self.do(kind, number)

    @rule(number=numbers, kind=st.sampled_from(["open", "bid", "match", "sweep", "post", "remove", "split"]))
    def liquidator(self, kind: str, number: int) -> None:
        """Who relieves accounts, after a jump that breaks some."""
        self.episode.rng.seed(number)
        if not self.episode.actors.sighted():
            self.episode.data.shake()
        self.do(kind, number)

    @rule(
        number=numbers,
        kind=st.sampled_from(["vault_deposit", "vault_mint", "vault_request", "vault_redeem", "vault_withdraw"]),
    )
    def holder(self, kind: str, number: int) -> None:
        """Holders of shares."""
        self.do(kind, number)

    @rule(number=numbers, kind=st.sampled_from(["govern", "limit", "timelock", "approve_operator"]))
    def governor(self, kind: str, number: int) -> None:
        """Owner, timelock, calibrator and guardian."""
        self.do(kind, number)

    @rule(number=numbers, kind=st.sampled_from(["adversary", "adversary", "probe", "slice"]))
    def attacker(self, kind: str, number: int) -> None:
        """Who tries what it may not, and gains nothing by what it may."""
        self.do(kind, number)

    @invariant()
    def everybody_can_leave(self) -> None:
        """Of those there are, one tries it at a time."""
        if hasattr(self, "episode"):
            self.episode.leave()


TestRoles = Roles.TestCase
TestRoles.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    derandomize=True,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
)
