# pragma version ~=0.4.3
"""
@title Taking: what a slice does to the run, the entry and the vault's epoch, and the lots of a bid
@license AGPL-3.0-only
@dev docs/exact.md, section 7.
"""
from ..interfaces import IAuction
from ..interfaces import IRiskEngine
from . import bidding
from . import curve as clock
from . import sightings

uses: sightings

_WAD: constant(uint256) = 10**18
_LOW_64: constant(uint256) = 2**64 - 1
_ANY_NONCE: constant(uint256) = max_value(uint256)


# A slice that is decided, and who is paid for the sighting.
struct Slice:
    account: uint256
    taker: uint256
    asked: uint256
    opener: uint256
    opener_gets: uint256


@internal
def take(taker: uint256, lot: IAuction.Lot, terms: uint256) -> (String[64], int256):
    """
    @notice One lot of a bid.
    @return Why it cannot be had, empty if it was taken; and what the sum of entries changes by.
    """
    if lot.account == taker:
        return "auction: taker is the account", 0
    sight: sightings.Sight = sightings.look(lot.account, terms, convert(taker >> 96, address))
    if len(sight.refusal) != 0:
        return sight.refusal, 0
    if lot.nonce != _ANY_NONCE and lot.nonce != clock.unpack_run(sight.word).nonce:
        return "auction: nonce changed", 0
    if not self._accepts(lot):
        return "auction: market not accepted", 0

    victim: bidding.Victim = sightings.victim(sight.assessment, sight.run)
    offer: bidding.Offer = sightings.offer(victim, terms, lot.fraction)
    if offer.fraction == 0:
        return "auction: all or nothing", 0
    if offer.fraction < lot.min_fraction:
        return "auction: fraction below minimum", 0
    if sight.assessment.mm < lot.min_release:
        return "auction: requirement below minimum", 0
    if offer.unit_cost > lot.max_cost:
        return "auction: cost above limit", 0

    part: Slice = Slice(account=lot.account, taker=taker, asked=lot.fraction, opener=0, opener_gets=0)
    paid: uint256 = 0
    part.opener, part.opener_gets, paid = self.opener(sight, offer, taker, terms)
    change: int256 = self.book(sight, victim, offer, lot.account, paid)
    self.announce(part, sight.assessment, offer)
    self.move(part, offer)
    return "", change


@internal
@pure
def opener(sight: sightings.Sight, offer: bidding.Offer, taker: uint256, terms: uint256) -> (uint256, uint256, uint256):
    """
    @return The account that is paid for the run's first sighting, what it gets, and the share of its cap paid then.
    """
    gets: uint256 = 0
    paid: uint256 = 0
    gets, paid = bidding.opener_share(offer.penalty_paid, bidding.unpack_terms(terms).opener_cap, sight.run.paid)
    # Who sights and takes in one act is paid where the taker's cash is written anyway.
    return taker if sight.started else convert(sight.run.opener, uint256) << 96, gets, paid


@internal
def book(
    sight: sightings.Sight, victim: bidding.Victim, offer: bidding.Offer, account: uint256, paid: uint256
) -> int256:
    """
    @notice Writes the run and the entry of an account as a slice leaves them, and what the vault pays for its epoch.
    @return What the sum of entries changes by.
    """
    cost: uint256 = bidding.vault_pays(victim, offer)
    if cost != 0:
        sightings.spend(cost)
    known: uint256 = sightings.known_loss(sight.assessment)
    if known != 0:
        known -= known * offer.fraction // _WAD
    change: int256 = sightings.enter(account, sight.run, known)

    run: clock.Run = sight.run
    run.nonce += 1
    run.paid = paid
    run.listed = known != 0
    if offer.ends:
        run = clock.ended(run)
    sightings.store(account, sight.word, run)
    return change


@internal
def announce(part: Slice, before: IRiskEngine.Assessment, offer: bidding.Offer):
    """
    @notice Logs a slice.
    """
    log IAuction.Taken(
        account=part.account,
        taker=part.taker,
        fraction=offer.fraction,
        clipped=offer.fraction < part.asked,
        equity=before.equity,
        requirement=before.mm,
        lambda_account=offer.lambda_account,
        lambda_taker=offer.lambda_taker,
        taker_paid=offer.taker_pays,
        account_got=offer.account_gets,
        opener_got=part.opener_gets,
        vault_got=offer.taker_pays - convert(offer.account_gets + part.opener_gets, int256),
    )


@internal
def move(part: Slice, offer: bidding.Offer):
    """
    @notice Has the Clearinghouse move a slice and what is paid for it.
    """
    extcall sightings.CLEARINGHOUSE.slice(
        part.account,
        part.taker,
        offer.fraction,
        offer.taker_pays,
        offer.account_gets,
        part.opener,
        part.opener_gets,
    )


@internal
@view
def held(account: uint256) -> uint256:
    """
    @notice Map of the markets that an account's words name.
    """
    header: uint256 = staticcall sightings.CLEARINGHOUSE.header(account)
    # Bits 128..191 are the markets with spot, 192..255 those with a position.
    return (header >> 192) | ((header >> 128) & _LOW_64)


@internal
@view
def _accepts(lot: IAuction.Lot) -> bool:
    # No market is beyond 63, so a mask that has them all need not be held against anything.
    if lot.markets & _LOW_64 == _LOW_64:
        return True
    return self.held(lot.account) & ~lot.markets == 0
