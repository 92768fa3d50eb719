# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title The auction: sightings of accounts in breach, and the sale of their risk in slices
@license AGPL-3.0-only
@notice An account in breach is sighted; while sightings go on, the price λ per unit of requirement released rises
        along a curve, and anybody may take a fraction of all the account has at that price, up to what brings it
        back to the target.
@dev Holds no money: the Clearinghouse moves it, and checks the taker. Rules, rounding and words: docs/exact.md, 7.
"""

from .interfaces import IAuction
from .interfaces import IClearinghouse
from .interfaces import IRiskEngine
from .modules import bidding
from .modules import curve as clock
from snekmate.auth import ownable
from snekmate.auth import ownable_2step

implements: IAuction
initializes: ownable
initializes: ownable_2step[ownable := ownable]

exports: (
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
)

_WAD: constant(uint256) = 10**18
_ANY_NONCE: constant(uint256) = max_value(uint256)
_MAX_OPEN: constant(uint256) = 64
_MAX_LOTS: constant(uint256) = 16
_MAX_CURVES: constant(uint256) = 64
_LOW_16: constant(uint256) = 2**16 - 1
_TERMS_BITS: constant(uint256) = 224
_TERMS_MASK: constant(uint256) = 2**224 - 1
_ONE_BPS: constant(uint256) = 10_000

clearinghouse: public(immutable(address))
risk_engine: public(immutable(address))
_CLEARINGHOUSE: immutable(IClearinghouse)
_RISK_ENGINE: immutable(IRiskEngine)


# Terms, and the newest curve's id from bit 224: a sighting reads both, so they share a slot.
_settings: uint256
# Append-only, so that the curve of a run that goes on never changes under it.
_curves: HashMap[uint256, uint256]
_runs: HashMap[uint256, uint256]


@deploy
def __init__(clearinghouse_: address, terms_: uint256, first_curve: uint256):
    """
    @notice Wires the auction to a Clearinghouse and its RiskEngine.
    @param clearinghouse_ The Clearinghouse; its risk parameters are set.
    @param terms_ Word of terms.
    @param first_curve Word of the first curve.
    """
    ownable.__init__()
    ownable_2step.__init__()
    clearinghouse = clearinghouse_
    _CLEARINGHOUSE = IClearinghouse(clearinghouse_)
    risk_engine = staticcall _CLEARINGHOUSE.risk_engine()
    _RISK_ENGINE = IRiskEngine(risk_engine)

    assert clock.is_valid(first_curve), "auction: curve out of range"
    self._curves[0] = first_curve
    log IAuction.CurveAdded(id=0, curve=first_curve)
    self._check_terms(terms_, staticcall _RISK_ENGINE.risk())
    self._settings = terms_
    log IAuction.TermsSet(terms=terms_)


@external
def open(accounts: DynArray[uint256, _MAX_OPEN]):
    """
    @notice Sights accounts: starts or carries on the run of each that is in breach even at the kind end of its prices'
            intervals, and ends the run of each that is not. Anybody may; who starts a run shares in its penalties.
    @dev An account with a price that is not live is skipped with an event.
    @param accounts At most 64.
    """
    settings: uint256 = self._settings
    for account: uint256 in accounts:
        assessment: IRiskEngine.Assessment = staticcall _CLEARINGHOUSE.assess(account)
        if assessment.state != 0:
            log IAuction.Skipped(account=account, reason="auction: price not live")
            continue
        word: uint256 = self._runs[account]
        run: clock.Run = clock.unpack_run(word)
        if self._is_sighted(assessment):
            run = self._sighting(run, settings)
        elif run.start != 0:
            run = clock.ended(run)
        else:
            continue
        self._store(account, word, run)


@external
def bid(taker: uint256, lots: DynArray[IAuction.Lot, _MAX_LOTS]):
    """
    @notice Takes slices of accounts in breach into a taker's account, each within its lot's limits, and then wants the
            taker at its initial margin. A lot that cannot be had is skipped with an event that says why.
    @dev Refuses where no lot is left, with the last one's reason, and with the Clearinghouse's reasons for the taker.
    @param taker An account of the caller, or one it operates.
    @param lots At most 16. Fractions WAD; costs WAD quote per whole account, rounded up; nonce 2^256 - 1: any.
    """
    # The owner is in the id: the common case costs no call.
    if taker >> 96 != convert(msg.sender, uint256):
        assert staticcall _CLEARINGHOUSE.is_allowed(taker, msg.sender), "auction: not allowed"

    reason: String[64] = "auction: nothing to take"
    taken: bool = False
    settings: uint256 = self._settings
    for lot: IAuction.Lot in lots:
        assert lot.fraction != 0 and lot.fraction <= _WAD, "auction: fraction out of range"
        refusal: String[64] = self._take(taker, lot, settings)
        if len(refusal) == 0:
            taken = True
        else:
            reason = refusal
            log IAuction.Skipped(account=lot.account, reason=refusal)
    assert taken, reason
    # A static call that returns nothing is no statement in Vyper; its reason passes through.
    raw_call(
        clearinghouse,
        abi_encode(taker, method_id=method_id("require_initial(uint256)")),
        is_static_call=True,
    )


@external
def add_curve(curve: uint256) -> uint256:
    """
    @notice Adds a curve, which runs follow that start from now on. Owner only.
    @param curve Word of the curve.
    @return Its id.
    """
    ownable._check_owner()
    assert clock.is_valid(curve), "auction: curve out of range"
    settings: uint256 = self._settings
    id: uint256 = (settings >> _TERMS_BITS) + 1
    assert id < _MAX_CURVES, "auction: too many curves"
    self._curves[id] = curve
    self._settings = (settings & _TERMS_MASK) | (id << _TERMS_BITS)
    log IAuction.CurveAdded(id=id, curve=curve)
    return id


@external
def set_terms(terms: uint256):
    """
    @notice Sets the terms: target, penalty, backstop time, grace and the opener's cap. Owner only.
    @param terms Word of terms: WAD < B <= ι, φ < B - 1, T_backstop > 0.
    """
    ownable._check_owner()
    self._check_terms(terms, staticcall _RISK_ENGINE.risk())
    self._settings = (self._settings & ~_TERMS_MASK) | terms
    log IAuction.TermsSet(terms=terms)


@external
@view
def quote(account: uint256, fraction: uint256) -> IAuction.Quote:
    """
    @notice What a bid for a fraction of an account would do now, a lot's own limits apart: `bid` computes the same.
    @dev Reverts for nothing; `reason` says why it cannot be had, and what could not be computed is 0. The run is the one
         stored; where the bid would start another, λ is that one's.
    @param account The account in breach.
    @param fraction WAD.
    """
    assessment: IRiskEngine.Assessment = staticcall _CLEARINGHOUSE.assess(account)
    word: uint256 = self._runs[account]
    result: IAuction.Quote = empty(IAuction.Quote)
    result.equity = assessment.equity
    result.mm = assessment.mm
    result.up = assessment.up
    result.run = word

    if fraction == 0 or fraction > _WAD:
        result.reason = "auction: fraction out of range"
    elif assessment.state != 0:
        result.reason = "auction: price not live"
    elif not self._is_sighted(assessment):
        result.reason = "auction: healthy"
    if len(result.reason) != 0:
        return result

    settings: uint256 = self._settings
    victim: bidding.Victim = self._victim(assessment, self._sighting(clock.unpack_run(word), settings))
    offer: bidding.Offer = bidding.offer(victim, bidding.unpack_terms(settings), fraction)
    if offer.fraction == 0:
        result.reason = "auction: all or nothing"
    result.lambda_now = victim.lambda_now
    result.lambda_account = offer.lambda_account
    result.penalty = offer.penalty
    result.lambda_taker = offer.lambda_taker
    result.fraction_max = offer.fraction_max
    result.fraction = offer.fraction
    result.unit_cost = offer.unit_cost
    result.taker_pays = offer.taker_pays
    result.account_gets = offer.account_gets
    return result


@external
@view
def run(account: uint256) -> uint256:
    """
    @notice The word of an account's run, as stored: one whose last sighting is older than the grace has ended.
    """
    return self._runs[account]


@external
@view
def curve(id: uint256) -> uint256:
    """
    @notice The word of a curve; 0 for an id that is not used.
    """
    return self._curves[id]


@external
@view
def curve_count() -> uint256:
    """
    @notice How many curves there are; the last is the one that new runs follow.
    """
    return (self._settings >> _TERMS_BITS) + 1


@external
@view
def terms() -> uint256:
    """
    @notice The word of terms.
    """
    return self._settings & _TERMS_MASK


@internal
def _take(taker: uint256, lot: IAuction.Lot, settings: uint256) -> String[64]:
    if lot.account == taker:
        return "auction: taker is the account"
    assessment: IRiskEngine.Assessment = staticcall _CLEARINGHOUSE.assess(lot.account)
    if assessment.state != 0:
        return "auction: price not live"
    if not self._is_sighted(assessment):
        return "auction: healthy"

    word: uint256 = self._runs[lot.account]
    before: clock.Run = clock.unpack_run(word)
    if lot.nonce != _ANY_NONCE and lot.nonce != before.nonce:
        return "auction: nonce changed"
    if not self._accepts(lot):
        return "auction: market not accepted"

    run: clock.Run = self._sighting(before, settings)
    terms: bidding.Terms = bidding.unpack_terms(settings)
    offer: bidding.Offer = bidding.offer(self._victim(assessment, run), terms, lot.fraction)
    if offer.fraction == 0:
        return "auction: all or nothing"
    if offer.fraction < lot.min_fraction:
        return "auction: fraction below minimum"
    if assessment.mm < lot.min_release:
        return "auction: requirement below minimum"
    if offer.unit_cost > lot.max_cost:
        return "auction: cost above limit"

    opener_gets: uint256 = 0
    opener_gets, run.paid = bidding.opener_share(offer.penalty_paid, terms.opener_cap, run.paid)
    # Who sights and takes in one act is paid where the taker's cash is written anyway.
    opener: uint256 = taker if run.nonce != before.nonce else convert(run.opener, uint256) << 96
    run.nonce += 1
    if offer.ends:
        run = clock.ended(run)
    self._store(lot.account, word, run)
    self._move(taker, lot, assessment, offer, opener, opener_gets)
    return ""


@internal
def _move(
    taker: uint256,
    lot: IAuction.Lot,
    assessment: IRiskEngine.Assessment,
    offer: bidding.Offer,
    opener: uint256,
    opener_gets: uint256,
):
    log IAuction.Taken(
        account=lot.account,
        taker=taker,
        fraction=offer.fraction,
        clipped=offer.fraction < lot.fraction,
        equity=assessment.equity,
        requirement=assessment.mm,
        lambda_account=offer.lambda_account,
        lambda_taker=offer.lambda_taker,
        taker_paid=offer.taker_pays,
        account_got=offer.account_gets,
        opener_got=opener_gets,
        vault_got=offer.taker_pays - convert(offer.account_gets + opener_gets, int256),
    )
    extcall _CLEARINGHOUSE.slice(
        lot.account, taker, offer.fraction, offer.taker_pays, offer.account_gets, opener, opener_gets
    )


@internal
def _store(account: uint256, old: uint256, run: clock.Run):
    word: uint256 = clock.pack_run(run)
    if word != old:
        self._runs[account] = word
        log IAuction.RunChanged(account=account, run=word)


@internal
@view
def _sighting(run: clock.Run, settings: uint256) -> clock.Run:
    # The run as a sighting now leaves it. One that nobody has watched for longer than the grace is over, whatever its
    # word says: its discount may be of a crash that has passed.
    if run.start != 0 and block.timestamp - run.last <= bidding.unpack_terms(settings).grace:
        run.last = block.timestamp
        return run
    return clock.Run(
        opener=msg.sender,
        start=block.timestamp,
        last=block.timestamp,
        nonce=run.nonce + 1,
        curve=settings >> _TERMS_BITS,
        paid=0,
    )


@internal
@view
def _victim(assessment: IRiskEngine.Assessment, run: clock.Run) -> bidding.Victim:
    elapsed: uint256 = block.timestamp - run.start
    return bidding.Victim(
        equity=assessment.equity,
        mm=assessment.mm,
        floor=assessment.floor,
        lambda_now=clock.lambda_at(self._curves[run.curve], elapsed),
        elapsed=elapsed,
    )


@internal
@view
def _accepts(lot: IAuction.Lot) -> bool:
    if lot.markets == max_value(uint256):
        return True
    header: uint256 = staticcall _CLEARINGHOUSE.header(lot.account)
    # Bits 128..191 are the markets with spot, 192..255 those with a position.
    held: uint256 = (header >> 192) | ((header >> 128) & (2**64 - 1))
    return held & ~lot.markets == 0


@internal
@pure
def _is_sighted(assessment: IRiskEngine.Assessment) -> bool:
    return assessment.mm != 0 and assessment.equity + convert(assessment.up, int256) < convert(assessment.mm, int256)


@internal
@pure
def _check_terms(terms: uint256, risk: uint256):
    target: uint256 = terms & _LOW_16
    penalty: uint256 = (terms >> 16) & _LOW_16
    assert terms <= _TERMS_MASK, "auction: terms out of range"
    assert target > _ONE_BPS and target <= (risk >> 210) & _LOW_16, "auction: terms out of range"
    assert penalty < target - _ONE_BPS, "auction: terms out of range"
    assert (terms >> 32) & (2**32 - 1) != 0, "auction: terms out of range"
