# pragma version ~=0.4.3
"""
@title Sightings: the runs of accounts in breach, the losses known of them, and the terms that all of it follows
@license AGPL-3.0-only
@dev docs/exact.md, section 7. What this module keeps is all that the ways to relieve an account have in common.
"""
from ..interfaces import IAuction
from ..interfaces import IClearinghouse
from ..interfaces import IRiskEngine
from . import bidding
from . import curve as clock

_LOW_128: constant(uint256) = 2**128 - 1
_WAD: constant(uint256) = 10**18
_TERMS_BITS: constant(uint256) = 240

CLEARINGHOUSE: immutable(IClearinghouse)
RISK_ENGINE: immutable(IRiskEngine)

# Terms, and the newest curve's id from bit 240: a sighting reads both, so they share a slot.
settings: uint256
# Append-only, so that the curve of a run that goes on never changes under it.
curves: HashMap[uint256, uint256]
runs: HashMap[uint256, uint256]
# The loss that each account is known to bring; its run says whether there is one.
entries: HashMap[uint256, uint256]
# What the vault pays of λ in an epoch while health is above 0: the most, and the epoch's seconds from bit 128.
limits: uint256
# What it has paid in the epoch whose number is in bits 128..255.
spent: uint256


# An account as an act that sights it finds it.
struct Sight:
    assessment: IRiskEngine.Assessment
    word: uint256  # the run as stored
    run: clock.Run  # as the act leaves it
    started: bool  # by this act
    refusal: String[64]  # empty: it may be relieved


@deploy
def __init__(clearinghouse: address):
    """
    @notice Names the Clearinghouse, and with it the RiskEngine.
    """
    CLEARINGHOUSE = IClearinghouse(clearinghouse)
    RISK_ENGINE = IRiskEngine(staticcall IClearinghouse(clearinghouse).risk_engine())


@internal
@view
def look(account: uint256, terms: uint256, opener: address) -> Sight:
    """
    @notice An account in breach, with its run as a sighting now leaves it; else why it cannot be relieved.
    @param terms The settings' word; 0 once all is shut down.
    @param opener Who opens the run that this starts.
    """
    sight: Sight = empty(Sight)
    sight.assessment = staticcall CLEARINGHOUSE.assess(account)
    sight.word = self.runs[account]
    sight.run = clock.unpack_run(sight.word)
    # A dead market is sold at its last price and widest interval; a late one will have a better price in a moment.
    if sight.assessment.state == 1:
        sight.refusal = "auction: price not live"
    elif not self.is_sighted(sight.assessment):
        sight.refusal = "auction: healthy"
    elif terms == 0:
        sight.refusal = "auction: shut down"
    else:
        nonce: uint256 = sight.run.nonce
        sight.run = self.sighted(sight.run, terms, opener)
        sight.started = sight.run.nonce != nonce
    return sight


@internal
@view
def sighted(run: clock.Run, terms: uint256, opener: address) -> clock.Run:
    """
    @notice A run as a sighting now leaves it. One that nobody has watched for longer than the grace is over, whatever
            its word says: its discount may be of a crash that has passed. Nor does the clock of one that goes on count
            more of the time that nobody has watched than a sighting vouches for.
    """
    watched: clock.Run = run
    unseen: uint256 = block.timestamp - run.last
    if run.start != 0 and unseen <= bidding.grace(terms):
        watch: uint256 = bidding.watch(terms)
        if unseen > watch:
            watched.start += unseen - watch
        watched.last = block.timestamp
        return watched
    return clock.Run(
        opener=opener,
        start=block.timestamp,
        last=block.timestamp,
        nonce=run.nonce + 1,
        curve=terms >> _TERMS_BITS,
        paid=0,
        listed=run.listed,
    )


@internal
@view
def victim(assessment: IRiskEngine.Assessment, run: clock.Run) -> bidding.Victim:
    """
    @notice What whoever relieves the account meets, at the price that its run has reached.
    """
    elapsed: uint256 = block.timestamp - run.start
    return bidding.Victim(
        equity=assessment.equity,
        mm=assessment.mm,
        floor=assessment.floor,
        lambda_now=clock.lambda_at(self.curves[run.curve], elapsed),
        elapsed=elapsed,
    )


@internal
@view
def offer(victim: bidding.Victim, terms: uint256, asked: uint256) -> bidding.Offer:
    """
    @notice What a slice of at most a fraction asked is now, with what the vault may still pay in this epoch.
    """
    unpacked: bidding.Terms = bidding.unpack_terms(terms)
    rates: bidding.Offer = bidding.rates(victim, unpacked)
    # Where an account has nothing left there is no cap: its loss is the vault's whoever takes it.
    if rates.lambda_taker > rates.lambda_account and victim.equity > 0:
        highest: uint256 = rates.lambda_account + self.left() * _WAD // victim.mm
        rates.lambda_taker = min(rates.lambda_taker, highest)
    return bidding.sized(victim, rates, asked)


@internal
@view
def left() -> uint256:
    """
    @notice What the vault may still pay of λ in this epoch (WAD quote).
    """
    word: uint256 = self.limits
    highest: uint256 = word & _LOW_128
    spent: uint256 = self.spent
    if spent >> 128 != block.timestamp // (word >> 128):
        return highest
    return highest - min(highest, spent & _LOW_128)


@internal
def spend(amount: uint256):
    """
    @notice Counts what the vault pays of λ to this epoch.
    """
    epoch: uint256 = block.timestamp // (self.limits >> 128)
    spent: uint256 = self.spent
    if spent >> 128 != epoch:
        spent = epoch << 128
    self.spent = spent + amount
    log IAuction.SpentChanged(spent=spent + amount)


@internal
def enter(account: uint256, run: clock.Run, known: uint256) -> int256:
    """
    @notice Writes the loss that an account is known to bring.
    @param run Its run; `listed` as it was before.
    @return What the sum of all of them changes by.
    """
    if known == 0 and not run.listed:
        return 0
    before: uint256 = self.entries[account] if run.listed else 0
    if known != before:
        self.entries[account] = known
        log IAuction.EntryChanged(account=account, entry=known)
    return convert(known, int256) - convert(before, int256)


@internal
def report(change: int256):
    """
    @notice Tells the Clearinghouse what an act has changed the sum of known losses by.
    """
    if change != 0:
        extcall CLEARINGHOUSE.change_entries(change)


@internal
def store(account: uint256, old: uint256, run: clock.Run):
    """
    @notice Writes a run where it has changed.
    """
    word: uint256 = clock.pack_run(run)
    if word != old:
        self.runs[account] = word
        log IAuction.RunChanged(account=account, run=word)


@internal
@pure
def is_sighted(assessment: IRiskEngine.Assessment) -> bool:
    """
    @notice Whether an account is in breach even at the kind end of its prices' intervals.
    """
    return assessment.mm != 0 and assessment.equity + convert(assessment.up, int256) < convert(assessment.mm, int256)


@internal
@pure
def known_loss(assessment: IRiskEngine.Assessment) -> uint256:
    """
    @notice What an account lacks even at the kind end of its prices' intervals.
    """
    return convert(max(0, -(assessment.equity + convert(assessment.up, int256))), uint256)
