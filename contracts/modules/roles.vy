# pragma version ~=0.4.3
"""
@title Who may act: owners and operators of accounts, venues, the auction, the vault, the batch
@license AGPL-3.0-only
"""
from ..interfaces import IClearinghouse
from . import account as account_words
from . import refusal

AUCTION: immutable(address)
VAULT: immutable(address)
BATCH: immutable(address)

# Who may act for all accounts of an owner: trade, deposit, and withdraw to the owner.
operators: HashMap[address, HashMap[address, bool]]
# Contracts that bring trades with signatures.
venues: HashMap[address, bool]
# Accounts that a batch acts on, whose own tests wait for its end; gone with the transaction.
deferred: transient (HashMap[uint256, bool])


@deploy
def __init__(auction: address, vault: address, batch: address):
    """
    @notice Fixes, for good, who may slice accounts, who is paid fees and interest, and who may put tests off.
    @dev They are named before they are there: their addresses follow from their deployer and its nonce.
         Refuses one that is zero or named twice: `clearinghouse: zero address`.
    """
    if (
        auction == empty(address)
        or vault == empty(address)
        or batch == empty(address)
        or auction == vault
        or auction == batch
        or vault == batch
    ):
        refusal.refuse(refusal.NO_ADDRESS)
    AUCTION = auction
    VAULT = vault
    BATCH = batch
    log IClearinghouse.Wired(auction=auction, vault=vault, batch=batch)


@internal
def approve_operator(operator: address, allowed: bool):
    """
    @notice Lets an operator act for all accounts of the caller, or no longer.
    """
    self.operators[msg.sender][operator] = allowed
    log IClearinghouse.OperatorSet(owner=msg.sender, operator=operator, allowed=allowed)


@internal
def set_venue(venue: address, allowed: bool):
    """
    @notice Allows or revokes a venue.
    """
    self.venues[venue] = allowed
    log IClearinghouse.VenueSet(venue=venue, allowed=allowed)


@internal
@view
def is_allowed(account: uint256, caller: address) -> bool:
    """
    @notice Whether a caller is an account's owner or an operator of the owner, or the batch that the account is in.
    """
    if caller == BATCH:
        # Whoever makes it an operator would let everybody act.
        return self.deferred[account]
    owner: address = account_words.owner_of(account)
    return caller == owner or self.operators[owner][caller]


@internal
@view
def vault_account() -> uint256:
    """
    @notice The account that fees, penalties and the interest reserve go to.
    """
    return convert(VAULT, uint256) << 96


@internal
def defer(account: uint256, on: bool):
    """
    @notice The batch's way to put an account's own tests off, or to end that.
    @dev Refuses: `clearinghouse: not the batch`.
    """
    if msg.sender != BATCH:
        refusal.refuse(refusal.NOT_THE_BATCH)
    self.deferred[account] = on


@internal
@pure
def check_owner(account: uint256):
    """
    @notice Refuses an account that nobody could own: `clearinghouse: owner is zero`.
    """
    if account >> 96 == 0:
        refusal.refuse(refusal.OWNER_IS_ZERO)
