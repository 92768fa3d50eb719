# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Losses: those the auction knows of, and what leaving is worth while they are more than the vault has
@license AGPL-3.0-only
@dev docs/exact.md, section 5. Who leaves before a known loss is booked leaves at the rate that it will cost the others.
"""
from ..interfaces import IClearinghouse
from . import account as account_words
from . import interest
from . import ledger
from . import refusal
from . import roles
from . import rounding

uses: interest
uses: ledger
uses: roles

_WAD: constant(uint256) = 10**18

# Σ of the auction's entries: losses that accounts in breach are known to bring, WAD quote.
known: uint256


@external
def change_entries(delta: int256):
    """
    @notice The auction's way to say by how much the losses changed that it knows of (WAD quote).
    @dev Refuses: `clearinghouse: not the auction`.
    """
    if msg.sender != roles.AUCTION:
        refusal.refuse("clearinghouse: not the auction")
    known: uint256 = convert(convert(self.known, int256) + delta, uint256)
    self.known = known
    log IClearinghouse.EntriesChanged(entries=known)


@external
@view
def entries() -> uint256:
    """
    @notice Σ of the losses that the auction knows of, WAD quote.
    """
    return self.known


@external
@view
def exit_rate() -> uint256:
    """
    @notice What one of cash that leaves now is worth (WAD, rounded down): below 1 while known losses exceed the vault.
    """
    return self.rate(interest.load())


@internal
@view
def rate(money: interest.Money) -> uint256:
    """
    @notice As `exit_rate`, in an act under way.
    """
    known: uint256 = self.known
    if known == 0:
        return _WAD
    principal: int256 = account_words.unpack_header(ledger.headers[roles.vault_account()])[0]
    # The vault never borrows. Words have 128 bits, an index 80: nothing can wrap.
    own: uint256 = convert(interest.cash_of(principal, money.supply, money.borrow), uint256)
    covered: uint256 = unsafe_add(own, money.reserve)
    if known <= covered:
        return _WAD
    short: uint256 = unsafe_sub(known, covered)
    lent: uint256 = unsafe_mul(money.positive, money.supply) // _WAD
    # Its part of the sum is never more than the sum, the rounding of both apart.
    others: uint256 = lent - min(own, lent)
    if short >= others:
        return 0
    return _WAD - rounding.ceil_udiv(short * _WAD, others)
