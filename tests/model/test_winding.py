"""A walk, a crash, and the end of it all: contracts equal the model to the wei, and all tokens go to whose they are."""

from __future__ import annotations

import pytest

from keeper.model.vault import VIRTUAL_SHARES
from tests.model.actors import WAD
from tests.model.chain import number, use_own_cache
from tests.model.revm import fresh_chain
from tests.model.walk import QUOTE_SCALE
from tests.model.winding_flow import AFTER, BEFORE, SHARES, WindingFlow
from tests.model.world import SPOT_DECIMALS

WALK = 600
REPAY = 120
AT_ONCE = 150
DAY = 86_400
CENT = 10**16


def until_shut_down(walk: WindingFlow) -> None:
    """The walk, the crash, the freeze and the shutdown."""
    for _ in range(WALK):
        walk.step()
    walk.crash()
    walk.freeze()
    walk.world.compare_all()
    assert walk.shut_down() == "vault: interest runs"
    walk.stop_interest()
    assert walk.shut_down() == ""
    assert walk.shut_down() == "auction: shut down"
    walk.world.compare_all()


def due(walk: WindingFlow) -> dict[int, int]:
    """What is each owner's at the frozen prices (WAD): all accounts, and the part of the vault's that shares say."""
    worth: dict[int, int] = {}
    for account in walk.accounts():
        owner = account >> 96
        worth[owner] = worth.get(owner, 0) + walk.worth_of(account)
    vault = walk.model.vault
    insured = worth[vault.address] + walk.model.clearinghouse.custody.value.reserve
    for wallet in walk.owners():
        owner = number(wallet)
        shares = vault.balances[owner] + vault.requests[owner].shares
        worth[owner] = worth.get(owner, 0) + insured * shares // (vault.supply.value + VIRTUAL_SHARES)
    return {number(wallet): worth[number(wallet)] for wallet in walk.owners()}


@pytest.mark.parametrize("seed", [22, 33, 55])
def test_winding__after_a_walk_and_a_crash__everything_goes_to_whose_it_is(seed):
    print(f"seed {seed}")
    use_own_cache()
    with fresh_chain():
        walk = WindingFlow(seed)
        until_shut_down(walk)
        world, house = walk.world, walk.model.clearinghouse

        # Fourteen days to repay and to settle: no cash leaves.
        held = house.custody.value.held
        for _ in range(REPAY):
            walk.one_of((*BEFORE, *SHARES, "absorb", "claim", "leave_in_kind"))
        assert house.custody.value.held >= held
        world.compare_all()

        world.at(walk.model.now + 14 * DAY)
        lacked = sum(-min(0, walk.worth_of(account)) for account in walk.accounts())
        for _ in range(AT_ONCE):
            walk.one_of(AFTER)
        world.compare_all()
        assert world.done["claim"] == world.done["leave_in_kind"] == 0

        walk.make_whole()
        world.compare_all()
        world.at(walk.model.now + 7 * DAY)
        assert walk.model.now < walk.model.auction.closed_at.value + 60 * DAY
        for _ in range(AT_ONCE):
            walk.one_of(AFTER)
        walk.make_whole()
        walk.remove_all()
        expected, before = due(walk), walk.wealth()
        walk.claim_all()
        for wallet in [*walk.actors.wallets, walk.actors.stranger]:
            walk.leave_in_kind(wallet)
        walk.claim_all()
        walk.withdraw_all_spot()
        world.compare_all()

        # What is left is less than a unit of each token in each account.
        accounts = len(walk.accounts())
        print(f"lacked {lacked // 10**18}, left {house.custody.value.held} of quote in {accounts} accounts")
        assert house.custody.value.held < accounts * QUOTE_SCALE
        for market, decimals in SPOT_DECIMALS.items():
            units = accounts * 10 ** (18 - decimals)
            assert house.spot_totals[market] < units + CENT * WAD // walk.actors.index(market), f"spot of {market}"
        for owner, after in walk.wealth().items():
            # The token without decimals goes out whole.
            whole = 30 * walk.actors.index(4)
            assert expected[owner] - CENT - whole <= after - before[owner] <= expected[owner] + CENT
        assert lacked > 0
        assert world.done["claim"] > 20
        assert world.done["absorb"] > 5
