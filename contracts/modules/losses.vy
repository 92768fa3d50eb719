# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Losses: those the auction knows of, and what leaving is worth while they are more than the vault has
@license AGPL-3.0-only
@dev docs/exact.md, section 5. Who leaves before a known loss is booked leaves at the rate that it will cost the others.
"""
from ..interfaces import IClearinghouse
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
@reentrant
def change_entries(delta: int256):
    """
    @notice The auction's way to say by how much the losses changed that it knows of (WAD quote).
    @dev Refuses: `clearinghouse: not the auction`.
    """
    if msg.sender != roles.AUCTION:
        refusal.refuse(refusal.NOT_THE_AUCTION)
    # The auction's sum of what it added: never below 0, and far below where it could wrap.
    known: uint256 = unsafe_add(self.known, convert(convert(delta, bytes32), uint256))
    self.known = known
    log IClearinghouse.EntriesChanged(entries=known)


@external
@view
@reentrant
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
def leaving(money: interest.Money, account: uint256, amount: uint256) -> uint256:
    """
    @notice What is paid where an account takes `amount` of cash out (WAD): owned or borrowed, it leaves at the rate, as a debt
            can be set off against cash that is owned. Whole leaves only what the vault or the auction pays out: the vault
            has counted known losses already, the auction pays what is left after a shutdown.
    """
    if account == roles.vault_account() or msg.sender == roles.AUCTION:
        return amount
    # At most 1e30, and a rate of 1 at most.
    return unsafe_mul(amount, self.rate(money)) // _WAD


@internal
@view
def rate(money: interest.Money) -> uint256:
    """
    @notice As `exit_rate`, in an act under way.
    """
    known: uint256 = self.known
    if known == 0:
        return _WAD
    # The vault never borrows. Words have 128 bits, an index 80: nothing can wrap.
    own: uint256 = convert(ledger.cash_at(roles.vault_account(), money.supply, money.borrow), uint256)
    covered: uint256 = unsafe_add(own, money.reserve)
    if known <= covered:
        return _WAD
    short: uint256 = unsafe_sub(known, covered)
    lent: uint256 = money.positive
    if interest.first != 0:
        # Cash against debt can be made and unmade within a transaction: it bears no loss.
        lent = min(lent, unsafe_sub(interest.first, 1))
    lent = unsafe_mul(lent, money.supply) // _WAD
    # Its part of the sum is never more than the sum, the rounding of both apart.
    others: uint256 = unsafe_sub(lent, min(own, lent))
    if short >= others:
        return 0
    return unsafe_sub(_WAD, rounding.ceil_udiv(unsafe_mul(short, _WAD), others))
