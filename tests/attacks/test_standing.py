"""Standing bids are backed, are their owner's, and lose their bond for nothing but want of margin."""

from __future__ import annotations

from tests.attacks.scene import WAD, Scene


def bid_of(scene: Scene, who: str, tick: int, capacity: int, cash: float) -> tuple[int, ...]:
    """Arguments of `post`."""
    return (scene.account(who), tick, capacity * WAD, WAD, 7, 10_000, int(cash * WAD))


def test_post__with_less_than_its_capacity_may_want__is_refused(scene: Scene):
    """A bid that nothing backs would crowd out those that something does. Defence: cash for initial margin and interval
    of all of its capacity, and for its bond."""
    scene.deposit("attacker", 0, 2_000)
    assert (
        scene.refusal(scene.auction, "post", *bid_of(scene, "attacker", 0, 1_000, 1_604)) == "auction: not enough cash"
    )
    scene.do(scene.auction, "post", *bid_of(scene, "attacker", 0, 1_000, 1_605))
    # Nor with cash that the poster only owes.
    beyond = scene.refusal(scene.auction, "post", *bid_of(scene, "attacker", 0, 1_000, 1_605))
    assert beyond == "clearinghouse: below initial margin"


def test_post__on_a_full_book_with_no_more_than_the_least__is_refused(scene: Scene):
    """Defence: only who offers more takes the place of who offers least."""
    for _ in range(64):
        scene.do(scene.auction, "post", *bid_of(scene, "lender", 5, 100, 165), by="lender")
    scene.deposit("attacker", 0, 100_000)
    assert scene.refusal(scene.auction, "post", *bid_of(scene, "attacker", 0, 100, 50_000)) == "auction: book is full"
    assert len(scene.auction.standing_book()) == 64


def test_remove__of_another_ones_bid__is_refused(scene: Scene):
    """Defence: who removes must be allowed for the bid's taker; nobody is for the bid's own account."""
    scene.do(scene.auction, "post", *bid_of(scene, "lender", 5, 1_000, 1_700), by="lender")
    assert scene.refusal(scene.auction, "remove", 1) == "auction: not allowed"
    account = int(scene.auction.address, 16) << 96 | 1
    attacker = scene.wallets["attacker"]
    assert scene.refusal(scene.house, "withdraw", account, 1, attacker) == "clearinghouse: not allowed"
