"""What is owed a sighting, in which transactions, and what happens to those that fail."""

from __future__ import annotations

from itertools import pairwise

import pytest

from keeper.chain.events import RunChanged
from keeper.decide.attempts import LONGEST, Attempts
from keeper.decide.sight import batches, due, recovered
from keeper.model.prices import DEAD, LATE
from keeper.model.requirement import Holding
from keeper.model.words import Run
from tests.keeper.books import NOW, WAD, changed, exact_of, running, set_up
from tests.keeper.test_decide import LONG, PRICE, VICTIM, book, unpriced


def test_due__breach_without_a_run__at_once() -> None:
    exact = exact_of(*set_up({0: PRICE * WAD}), changed(VICTIM, 100 * WAD, LONG))
    assert due(exact, VICTIM, 0.4)


@pytest.mark.parametrize(("last", "owed"), [(23, False), (24, True), (299, True), (301, True)])
def test_due__run_goes_on__again_while_the_last_sighting_still_vouches(last: int, owed: bool) -> None:
    exact = exact_of(*set_up({0: PRICE * WAD}), changed(VICTIM, 100 * WAD, LONG), running(VICTIM, 400, last=last))
    assert due(exact, VICTIM, 0.4) is owed


def test_due__dust_of_a_dead_market__is_no_shield() -> None:
    """One that is late is: nobody can sight it."""
    holdings = {**LONG, 1: Holding(0, 10**12, 50_000 * 10**12)}
    for age, state, owed in ((60, LATE, False), (61, DEAD, True)):
        events = [changed(VICTIM, 100 * WAD, holdings), unpriced(1, age)]
        exact = exact_of(*set_up({0: PRICE * WAD, 1: 50_000 * WAD}), *events)
        assert exact.assess(VICTIM).state == state
        assert due(exact, VICTIM, 0.4) is owed


def test_due__healthy_or_not_live__not_owed() -> None:
    healthy = exact_of(*set_up({0: PRICE * WAD}), changed(VICTIM, 150 * WAD, LONG))
    assert not due(healthy, VICTIM, 0.4)
    late = exact_of(*set_up({0: PRICE * WAD}), changed(VICTIM, 100 * WAD, LONG), time=NOW + 16)
    assert late.assess(VICTIM).state == 1
    assert not due(late, VICTIM, 0.4)


def test_due__loss_that_the_last_sighting_did_not_know__at_once() -> None:
    """Who leaves until it is known is paid in full, out of what the others have."""
    events = [*set_up({0: PRICE * WAD}), changed(VICTIM, -WAD, LONG)]
    seen, unseen = (
        exact_of(*events, RunChanged(VICTIM, Run(1, NOW - 50, NOW - 2, 1, listed=listed).pack())) for listed in (1, 0)
    )
    assert not due(seen, VICTIM, 0.4)
    assert due(unseen, VICTIM, 0.4)


def test_recovered__run_over_but_its_loss_still_counted__owed() -> None:
    healthy = [*set_up({0: PRICE * WAD}), changed(VICTIM, 150 * WAD, LONG)]
    assert recovered(exact_of(*healthy, RunChanged(VICTIM, Run(nonce=1, listed=1).pack())), VICTIM)


def test_recovered__only_with_a_run_and_above_the_line() -> None:
    healthy = [*set_up({0: PRICE * WAD}), changed(VICTIM, 150 * WAD, LONG)]
    assert recovered(exact_of(*healthy, running(VICTIM, 50, last=10)), VICTIM)
    assert not recovered(exact_of(*healthy, running(VICTIM, 800, last=400)), VICTIM)
    assert not recovered(exact_of(*healthy), VICTIM)
    assert not recovered(book(), VICTIM)


def test_batches__many_accounts__lowest_health_first_within_size_and_gas() -> None:
    accounts = [n << 96 for n in range(10, 40)]
    events = [changed(account, (130 - place) * WAD, LONG) for place, account in enumerate(accounts)]
    exact = exact_of(*set_up({0: PRICE * WAD}), *events)
    assert batches(exact, accounts, 12, 16_000_000) == [
        accounts[:17:-1],
        accounts[17:5:-1],
        accounts[5::-1],
    ]
    assert [len(group) for group in batches(exact, accounts, 64, 800_000)] == [8, 8, 8, 6]


def test_attempts__failing_account__tried_alone_at_growing_gaps_but_never_forgotten() -> None:
    attempts = Attempts()
    tries = []
    for block in range(60):
        if attempts.may(7, block):
            tries.append(block)
            attempts.failed([7], "reverted", block)
    assert tries == [0, 1, 3, 7, 15, 23, 31, 39, 47, 55]
    assert all(second - first <= LONGEST for first, second in pairwise(tries))
    assert attempts.alone(7)
    assert not attempts.alone(8)
    assert attempts.failures[7].reason == "reverted"
    attempts.succeeded([7])
    assert attempts.may(7, 0)
    assert not attempts.alone(7)


def test_attempts__account_no_longer_in_question__forgotten() -> None:
    attempts = Attempts()
    attempts.failed([7, 8], "reverted", 1)
    attempts.keep([8], 2)
    assert set(attempts.failures) == {8}


def test_attempts__patience__waits_the_first_time_and_is_alone_the_second() -> None:
    attempts = Attempts(patience=1)
    attempts.failed([7, 8], "it was mined and reverted", 1)
    assert not attempts.may(7, 1)
    assert not attempts.alone(7)
    attempts.failed([7], "it was mined and reverted", 2)
    assert attempts.alone(7)
    assert not attempts.alone(8)


def test_attempts__out_of_sight_for_a_block__waits_as_long_as_before() -> None:
    attempts = Attempts()
    attempts.failed([7], "it was mined and reverted", 1, 64, 65_536)
    attempts.keep([], 64)
    assert not attempts.may(7, 64)
    attempts.failed([7], "it was mined and reverted", 65, 64, 65_536)
    assert attempts.failures[7].again == 65 + 128
