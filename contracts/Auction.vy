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
from .interfaces import IInsuranceVault
from .interfaces import IRiskEngine
from .modules import auction_views
from .modules import bidding
from .modules import curve as clock
from .modules import matching
from .modules import sightings
from .modules import standing
from .modules import taking
from snekmate.auth import ownable
from snekmate.auth import ownable_2step

implements: IAuction
initializes: ownable
initializes: ownable_2step[ownable := ownable]
initializes: sightings
initializes: matching[sightings := sightings]
initializes: taking[sightings := sightings]
initializes: standing[sightings := sightings, taking := taking]
initializes: auction_views[sightings := sightings, standing := standing]

exports: (
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
)

exports: (
    auction_views.run,
    auction_views.entry,
    auction_views.curve,
    auction_views.curve_count,
    auction_views.terms,
    auction_views.limits,
    auction_views.vault_left,
    auction_views.standing_bid,
    auction_views.standing_book,
)

_WAD: constant(uint256) = 10**18
_MAX_OPEN: constant(uint256) = 64
_MAX_LOTS: constant(uint256) = 16
_MAX_FILLS: constant(uint256) = 8
_MAX_CURVES: constant(uint256) = 32
_LOW_16: constant(uint256) = 2**16 - 1
_LOW_32: constant(uint256) = 2**32 - 1
_TERMS_BITS: constant(uint256) = 240
_TERMS_MASK: constant(uint256) = 2**240 - 1
_LIMITS_BITS: constant(uint256) = 160
_ONE_BPS: constant(uint256) = 10_000

_MORE_THAN_ALL: constant(int256) = 2**127  # known loss: no cash leaves

clearinghouse: public(immutable(address))
risk_engine: public(immutable(address))

# Second of the shutdown; 0: there was none.
closed_at: public(uint256)


@deploy
def __init__(clearinghouse_: address, terms_: uint256, first_curve: uint256, limits_: uint256):
    """
    @notice Wires the auction to a Clearinghouse and its RiskEngine.
    @param clearinghouse_ The Clearinghouse; its risk parameters are set.
    @param terms_ Word of terms.
    @param first_curve Word of the first curve.
    @param limits_ Word of the vault's limits.
    """
    ownable.__init__()
    ownable_2step.__init__()
    sightings.__init__(clearinghouse_)
    clearinghouse = clearinghouse_
    risk_engine = sightings.RISK_ENGINE.address

    assert clock.is_valid(first_curve), "auction: curve out of range"
    sightings.curves[0] = first_curve
    log IAuction.CurveAdded(id=0, curve=first_curve)
    self._check_terms(terms_, staticcall sightings.RISK_ENGINE.risk())
    sightings.settings = terms_
    log IAuction.TermsSet(terms=terms_)
    self._set_limits(limits_)


@external
def open(accounts: DynArray[uint256, _MAX_OPEN]):
    """
    @notice Sights accounts: starts or carries on the run of each that is in breach even at the kind end of its prices'
            intervals, and ends the run of each that is not. Anybody may; who starts a run shares in its penalties. What
            an account lacks is known from then on.
    @dev An account with a price that is late is skipped with an event; a dead one's last price counts.
    @param accounts At most 64.
    """
    terms: uint256 = sightings.settings
    change: int256 = 0
    for account: uint256 in accounts:
        sight: sightings.Sight = sightings.look(account, terms, msg.sender)
        known: uint256 = 0
        run: clock.Run = sight.run
        if len(sight.refusal) == 0:
            known = sightings.known_loss(sight.assessment)
        elif sight.assessment.state == 1:
            log IAuction.Skipped(account=account, reason=sight.refusal)
            continue
        elif run.start == 0 and not run.listed:
            continue
        else:
            run = clock.ended(run)
        change += sightings.enter(account, run, known)
        run.listed = known != 0
        sightings.store(account, sight.word, run)
    sightings.report(change)


@external
def bid(taker: uint256, lots: DynArray[IAuction.Lot, _MAX_LOTS]):
    """
    @notice Takes slices of accounts in breach into a taker's account, each within its lot's limits, and then wants the
            taker at its initial margin. A lot that cannot be had is skipped with an event that says why.
    @dev Refuses where no lot is left, with the last one's reason, and with the Clearinghouse's reasons for the taker.
    @param taker An account of the caller, or one it operates.
    @param lots At most 16. Fractions WAD; costs WAD quote per whole account, rounded up; nonce 2^256 - 1: any.
    """
    self._check_allowed(taker)

    reason: String[64] = "auction: nothing to take"
    taken: bool = False
    change: int256 = 0
    terms: uint256 = sightings.settings
    for lot: IAuction.Lot in lots:
        assert lot.fraction != 0 and lot.fraction <= _WAD, "auction: fraction out of range"
        refusal: String[64] = ""
        more: int256 = 0
        refusal, more = taking.take(taker, lot, terms)
        if len(refusal) == 0:
            taken = True
            change += more
        else:
            reason = refusal
            log IAuction.Skipped(account=lot.account, reason=refusal)
    assert taken, reason
    sightings.report(change)
    self._require_initial(taker)


@external
def post(
    taker: uint256,
    tick: uint256,
    capacity: uint256,
    minimum: uint256,
    markets: uint256,
    max_interval: uint256,
    cash: uint256,
) -> uint256:
    """
    @notice Posts a standing bid: it takes accounts in breach by itself whenever somebody sweeps, once λ reaches its tick.
    @param taker An account of the caller, or one it operates; its cash backs the bid, and it gets all back in the end.
    @param tick λ the bid wants, in percent.
    @param capacity Requirement it takes in all (WAD quote).
    @param minimum Requirement it takes at least at a time.
    @param markets Map of the markets it accepts; at most 16.
    @param max_interval Of an account's requirement, what its prices' intervals may be worth at most (1e-5).
    @param cash WAD quote that goes from the taker's account to the bid's.
    @return The bid's id: its account is the auction's own with that sub-account. Anybody may deposit there.
    """
    self._check_allowed(taker)
    id: uint256 = standing.post(taker, tick, capacity, minimum, markets, max_interval, cash)
    self._require_initial(taker)
    return id


@external
def remove(id: uint256):
    """
    @notice Withdraws a standing bid: all that its account has goes to its taker's, which must bear it.
    """
    taker: uint256 = standing.takers[id]
    assert taker != 0, "auction: no standing bid"
    self._check_allowed(taker)
    standing.remove(id, taker)
    self._require_initial(taker)


@external
def sweep(account: uint256, most: uint256):
    """
    @notice Sights an account in breach and has standing bids take it, the lowest tick first, then the oldest. Anybody
            may. A bid whose account cannot bear its part leaves the book, and its bond goes to the caller's account.
    @param most How many bids may be tried; at most 8.
    """
    standing.sweep(account, most)


@external
def match(account: uint256, exchange: address, fills: DynArray[IAuction.Fill, _MAX_FILLS]):
    """
    @notice Sights an account in breach and trades signed orders for it, by anyone: each must release requirement, and
            cost it no more than λ and the penalty that a bid would. A fill that fails is skipped with an event.
    @param exchange The venue that the orders are signed for.
    @param fills At most 8.
    """
    matching.match_orders(account, exchange, fills)


@external
@reentrant
def try_fill(
    account: uint256,
    exchange: address,
    fill: IAuction.Fill,
    cost_rate: uint256,
    penalty_rate: uint256,
    target: uint256,
) -> (uint256, uint256):
    """
    @notice One fill of a match, whole or not at all: the auction calls itself with it.
    """
    assert msg.sender == self, "auction: not itself"
    return matching.fill(account, exchange, fill, cost_rate, penalty_rate, target)


@external
@reentrant
def try_slice(
    account: uint256,
    taker: uint256,
    fraction: uint256,
    taker_pays: int256,
    account_gets: uint256,
    opener: uint256,
    opener_gets: uint256,
):
    """
    @notice A slice and its taker's margin, whole or not at all: the auction calls itself with it.
    """
    assert msg.sender == self, "auction: not itself"
    extcall sightings.CLEARINGHOUSE.slice(account, taker, fraction, taker_pays, account_gets, opener, opener_gets)
    self._require_initial(taker)


@external
def shut_down():
    """
    @notice Ends the protocol for good, once every market is frozen and no interest runs: no more auctions, no borrowing,
            and cash leaves only by the vault's `claim`. Owner only.
    @dev Refuses `auction: shut down` the second time, and with the vault's reasons.
    """
    ownable._check_owner()
    assert sightings.settings != 0, "auction: shut down"
    assert staticcall self._vault().require_frozen(), "auction: not frozen"
    self.closed_at = block.timestamp
    # No terms: whatever relieves an account finds that there is nothing to be had any more.
    sightings.settings = 0
    log IAuction.ShutDown(time=block.timestamp)
    sightings.report(_MORE_THAN_ALL)


@external
def wind(account: uint256, taker: uint256, fraction: uint256, taker_pays: int256, account_gets: uint256):
    """
    @notice The insurance vault's way to move accounts after a shutdown, by its rules.
    """
    self._check_winding()
    extcall sightings.CLEARINGHOUSE.slice(account, taker, fraction, taker_pays, account_gets, taker, 0)


@external
def pay_out(account: uint256, amount: uint256):
    """
    @notice The insurance vault's way to pay an account's cash to its owner after a shutdown.
    @param amount Units of the quote token.
    """
    self._check_winding()
    extcall sightings.CLEARINGHOUSE.withdraw(account, amount, convert(account >> 96, address))


@external
def add_curve(curve: uint256) -> uint256:
    """
    @notice Adds a curve, which runs follow that start from now on. Owner only.
    @param curve Word of the curve.
    @return Its id.
    """
    ownable._check_owner()
    assert clock.is_valid(curve), "auction: curve out of range"
    settings: uint256 = sightings.settings
    assert settings != 0, "auction: shut down"
    id: uint256 = (settings >> _TERMS_BITS) + 1
    assert id < _MAX_CURVES, "auction: too many curves"
    sightings.curves[id] = curve
    sightings.settings = (settings & _TERMS_MASK) | (id << _TERMS_BITS)
    log IAuction.CurveAdded(id=id, curve=curve)
    return id


@external
def set_terms(terms: uint256):
    """
    @notice Sets the terms: target, penalty, backstop time, grace, watch and the opener's cap. Owner only.
    @param terms Word of terms: WAD < B <= ι, φ < B - 1, T_backstop > 0, WATCH > 0.
    """
    ownable._check_owner()
    self._check_terms(terms, staticcall sightings.RISK_ENGINE.risk())
    assert sightings.settings != 0, "auction: shut down"
    sightings.settings = (sightings.settings & ~_TERMS_MASK) | terms
    log IAuction.TermsSet(terms=terms)


@external
def set_limits(limits: uint256):
    """
    @notice Sets the most that the vault pays of λ in an epoch for accounts that have equity left. Owner only.
    @param limits Word of limits: an epoch of more than 0 seconds.
    """
    ownable._check_owner()
    self._set_limits(limits)


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
    terms: uint256 = sightings.settings
    sight: sightings.Sight = sightings.look(account, terms, msg.sender)
    result: IAuction.Quote = empty(IAuction.Quote)
    result.equity = sight.assessment.equity
    result.mm = sight.assessment.mm
    result.up = sight.assessment.up
    result.run = sight.word
    result.reason = sight.refusal
    if fraction == 0 or fraction > _WAD:
        result.reason = "auction: fraction out of range"
    if len(result.reason) != 0:
        return result

    victim: bidding.Victim = sightings.victim(sight.assessment, sight.run)
    offer: bidding.Offer = sightings.offer(victim, terms, fraction)
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


@internal
@view
def _check_allowed(taker: uint256):
    # The owner is in the id: the common case costs no call.
    if taker >> 96 != convert(msg.sender, uint256):
        assert staticcall sightings.CLEARINGHOUSE.is_allowed(taker, msg.sender), "auction: not allowed"


@internal
@view
def _require_initial(taker: uint256):
    # A static call that returns nothing is no statement in Vyper; its reason passes through.
    raw_call(
        clearinghouse,
        abi_encode(taker, method_id=method_id("require_initial(uint256)")),
        is_static_call=True,
    )


@internal
@view
def _vault() -> IInsuranceVault:
    return IInsuranceVault(staticcall sightings.CLEARINGHOUSE.vault())


@internal
@view
def _check_winding():
    assert self.closed_at != 0 and msg.sender == self._vault().address, "auction: not winding up"


@internal
def _set_limits(limits: uint256):
    assert limits >> _LIMITS_BITS == 0 and limits >> 128 != 0, "auction: limits out of range"
    sightings.limits = limits
    log IAuction.LimitsSet(limits=limits)


@internal
@pure
def _check_terms(terms: uint256, risk: uint256):
    target: uint256 = terms & _LOW_16
    penalty: uint256 = (terms >> 16) & _LOW_16
    valid: bool = terms <= _TERMS_MASK and terms >> 224 != 0 and (terms >> 32) & _LOW_32 != 0
    valid = valid and target > _ONE_BPS and target <= (risk >> 210) & _LOW_16 and penalty < target - _ONE_BPS
    assert valid, "auction: terms out of range"
