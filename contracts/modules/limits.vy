# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Limits: how much of a market may be open, and pauses that end by themselves
@license AGPL-3.0-only
@dev docs/exact.md, section 5. A pause stops what makes accounts riskier; who gets out of risk, or is sold out of it, goes on.
"""
from snekmate.auth import ownable

from ..interfaces import IClearinghouse
from ..interfaces import IRiskEngine
from . import interest
from . import ledger
from . import refusal
from . import roles

uses: interest
uses: ledger
uses: ownable
uses: roles

EVERYTHING: constant(uint256) = 2**64 - 1

_WAD: constant(uint256) = 10**18
_LOW_32: constant(uint256) = 2**32 - 1
_LOW_160: constant(uint256) = 2**160 - 1
_TARGET_UNIT: constant(uint256) = 10**21  # 1,000 quote
_PAUSE: constant(uint256) = 172_800
_COOLDOWN: constant(uint256) = 432_000

# Who may pause, and nothing else.
guardian: public(address)


@external
@reentrant
def pause(markets: uint256):
    """
    @notice The guardian stops what adds risk in some markets (a map; all ones: withdrawals by those who owe, too) for two
            days, at most once in a while.
    @dev Refuses: `clearinghouse: not the guardian`, `clearinghouse: nothing to pause`, `clearinghouse: paused lately`.
    """
    if msg.sender != self.guardian:
        refusal.refuse(refusal.NOT_THE_GUARDIAN)
    if markets == 0 or markets > EVERYTHING:
        refusal.refuse(refusal.NOTHING_TO_PAUSE)
    word: uint256 = interest.settings
    # Seconds: 32 bits and less.
    if block.timestamp < unsafe_add((word >> 160) & _LOW_32, _COOLDOWN):
        refusal.refuse(refusal.PAUSED_LATELY)
    interest.put_settings((markets << 192) | (unsafe_add(block.timestamp, _PAUSE) << 160) | (word & _LOW_160))


@external
@reentrant
def unpause():
    """
    @notice Guardian or owner ends a pause before its time.
    @dev Refuses: `clearinghouse: not the guardian`.
    """
    if msg.sender != self.guardian and msg.sender != ownable.owner:
        refusal.refuse(refusal.NOT_THE_GUARDIAN)
    word: uint256 = interest.settings
    if (word >> 160) & _LOW_32 > block.timestamp:
        interest.put_settings((word >> 192 << 192) | (block.timestamp << 160) | (word & _LOW_160))


@internal
@view
def is_paused(markets: uint256) -> bool:
    """
    @notice Whether a pause is on that counts for all of some markets.
    """
    word: uint256 = interest.settings
    return (word >> 160) & _LOW_32 > block.timestamp and (word >> 192) & markets == markets


@internal
@view
def check_running():
    """
    @notice Refuses while everything is paused: `clearinghouse: paused`.
    """
    if self.is_paused(EVERYTHING):
        refusal.refuse(refusal.PAUSED)


@internal
@view
def check_cap(money: interest.Money, price: IRiskEngine.Price, market: uint256, size: uint256):
    """
    @notice Refuses a market in which more is open than its cap, which counts only as far as the vault is filled:
            `clearinghouse: above the cap`.
    @param size Σ |size| of the market after the act, WAD base.
    """
    if price.cap == 0:
        return
    # Sums of balances have 128 bits, an index 111: nothing can wrap.
    open: uint256 = unsafe_mul(unsafe_add(ledger.spot_totals[market], unsafe_add(size, 1) >> 1), price.index) // _WAD
    cap: uint256 = price.cap
    target: uint256 = unsafe_mul((interest.settings >> 128) & _LOW_32, _TARGET_UNIT)
    if target != 0:
        own: uint256 = convert(ledger.cash_at(roles.vault_account(), money.supply, money.borrow), uint256)
        own = unsafe_add(own, money.reserve)
        # A cap of 40 bits whole quote units, and a share of 1 at most.
        cap = unsafe_mul(cap, min(_WAD, unsafe_mul(own, _WAD) // target)) // _WAD
    if open > cap:
        refusal.refuse(refusal.ABOVE_THE_CAP)
