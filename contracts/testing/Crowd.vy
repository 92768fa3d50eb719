# pragma version ~=0.4.3
"""
@title Many accounts at once, for benches: a venue that deposits for accounts and trades them against a maker
@license AGPL-3.0-only
"""
from ethereum.ercs import IERC20


interface Clearinghouse:
    def deposit(account: uint256, amount: uint256): nonpayable
    def trade(
        market: uint256,
        taker: uint256,
        maker: uint256,
        size: int256,
        price: uint256,
        taker_fee: uint256,
        maker_fee: uint256,
    ): nonpayable


HOUSE: immutable(Clearinghouse)


@deploy
def __init__(house: address, quote: address):
    HOUSE = Clearinghouse(house)
    extcall IERC20(quote).approve(house, max_value(uint256))


@external
def settle_in(
    first: uint256, cash: DynArray[uint256, 1024], market: uint256, size: int256, price: uint256, maker: uint256
):
    """
    @notice Gives accounts of the owners `first`, `first` + 1, … cash, and each the same position against the maker.
    @param cash Units of the quote token, an entry an account.
    """
    owner: uint256 = first
    for amount: uint256 in cash:
        account: uint256 = owner << 96
        extcall HOUSE.deposit(account, amount)
        extcall HOUSE.trade(market, account, maker, size, price, 0, 0)
        owner += 1
