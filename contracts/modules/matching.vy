# pragma version ~=0.4.3
"""
@title Matching: signed orders relieve an account in breach, at prices that cost it no more than a slice would
@license AGPL-3.0-only
@dev docs/exact.md, section 7.
"""
from ..interfaces import IAuction
from ..interfaces import IExchange
from ..interfaces import IRiskEngine
from . import bidding
from . import curve as clock
from . import sightings

uses: sightings

_MAX_FILLS: constant(uint256) = 8


@internal
def match_orders(account: uint256, exchange: address, fills: DynArray[IAuction.Fill, _MAX_FILLS]):
    """
    @notice Trades orders for an account in breach, each within what its relief may cost; a fill that fails is skipped.
    """
    assert staticcall sightings.CLEARINGHOUSE.is_venue(exchange), "auction: not a venue"
    terms: uint256 = sightings.settings
    sight: sightings.Sight = sightings.look(account, terms, msg.sender)
    assert len(sight.refusal) == 0, sight.refusal
    unpacked: bidding.Terms = bidding.unpack_terms(terms)
    rates: bidding.Offer = bidding.rates(sightings.victim(sight.assessment, sight.run), unpacked)

    released: uint256 = 0
    penalty: uint256 = 0
    matched: uint256 = 0
    for i: uint256 in range(len(fills), bound=_MAX_FILLS):
        success: bool = False
        answer: Bytes[132] = b""
        # In a call of its own, so that an order is not booked that the Clearinghouse refuses.
        success, answer = raw_call(
            self,
            abi_encode(
                account,
                exchange,
                fills[i],
                rates.lambda_account,
                rates.penalty,
                unpacked.target,
                method_id=method_id(
                    "try_fill(uint256,address,((uint256,uint256,int256,uint256,uint256,uint256,uint256,bool,uint256),bytes,uint256),uint256,uint256,uint256)"
                ),
            ),
            max_outsize=132,
            revert_on_failure=False,
        )
        if success:
            matched += 1
            released += convert(slice(answer, 0, 32), uint256)
            penalty += convert(slice(answer, 32, 32), uint256)
        else:
            log IAuction.FillSkipped(account=account, fill=i, reason=answer)
    assert matched != 0, "auction: nothing matched"
    self._settle(account, sight, released)
    log IAuction.Matched(account=account, fills=matched, released=released, penalty=penalty)


@internal
def fill(
    account: uint256,
    exchange: address,
    fill: IAuction.Fill,
    cost_rate: uint256,
    penalty_rate: uint256,
    target: uint256,
) -> (uint256, uint256):
    """
    @notice Books a fill of an order at its venue, and trades it for the account.
    @return Requirement released and penalty (WAD quote).
    """
    assert fill.order.account != account, "auction: taker is the account"
    fee: uint256 = extcall IExchange(exchange).book(fill.order, fill.signature, account, fill.amount)
    size: int256 = convert(fill.amount, int256)
    if fill.order.size > 0:
        size = -size
    return extcall sightings.CLEARINGHOUSE.relieve(
        fill.order.market,
        account,
        fill.order.account,
        size,
        fill.order.price,
        fee,
        cost_rate,
        penalty_rate,
        target,
    )


@internal
def _settle(account: uint256, sight: sightings.Sight, released: uint256):
    after: IRiskEngine.Assessment = staticcall sightings.CLEARINGHOUSE.assess(account)
    known: uint256 = sightings.known_loss(after) if sightings.is_sighted(after) else 0
    change: int256 = sightings.enter(account, sight.run, known)
    run: clock.Run = sight.run
    run.nonce += 1
    run.listed = known != 0
    if after.equity >= convert(after.mm, int256):
        run = clock.ended(run)
    else:
        # Less would be worth nobody's while but who wants to move the nonce.
        assert released >= sight.assessment.floor // bidding.LEAST, "auction: nothing matched"
    sightings.store(account, sight.word, run)
    sightings.report(change)
