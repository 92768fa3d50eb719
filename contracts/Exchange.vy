# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title A venue for signed orders: a taker fills one, or anybody crosses two
@license AGPL-3.0-only
@notice Brings signatures and fees to the Clearinghouse, which alone decides on solvency, price band and highest fee.
@dev docs/exact.md, section 6. Amounts and sizes are WAD base, prices WAD quote, fees bps of the notional.
"""
from snekmate.auth import ownable
from snekmate.auth import ownable_2step
from snekmate.utils import eip712_domain_separator as eip712

from .interfaces import IClearinghouse
from .interfaces import IExchange
from .modules import account as account_words
from .modules import orders

implements: IExchange

initializes: ownable
initializes: ownable_2step[ownable := ownable]
initializes: eip712
initializes: orders[eip712 := eip712]

exports: (
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
    eip712.eip712Domain,
)

WAD: constant(uint256) = 10**18
BPS: constant(uint256) = 10_000
HIGHEST_FEE: constant(uint256) = 100

NONCES: constant(uint256) = 2**64
# Sizes and prices below it have products and running fills that fit their words.
AMOUNTS: constant(uint256) = 2**127
CANCELLED: constant(uint256) = 2**128 - 1

clearinghouse: public(immutable(IClearinghouse))
auction: public(immutable(address))

# What a taker pays in bps, and a maker << 128: a fill reads both.
fees: uint256
# Every order whose nonce is below it is cancelled.
lowest_nonce: public(HashMap[uint256, uint256])
# Reused by nonce & 255, so that a fill seldom writes a fresh slot: filled | nonce << 128 | top of the hash << 192.
slots: HashMap[uint256, HashMap[uint256, uint256]]


@deploy
def __init__(clearinghouse_: IClearinghouse, taker_bps: uint256, maker_bps: uint256):
    ownable.__init__()
    ownable_2step.__init__()
    eip712.__init__("Plimsoll", "1")
    clearinghouse = clearinghouse_
    auction = staticcall clearinghouse_.auction()
    self._set_fees(taker_bps, maker_bps)


@external
def fill(order: IExchange.Order, signature: Bytes[512], taker: uint256, amount: uint256, max_fee: uint256):
    """
    @notice Account `taker` takes `amount` of a signed order at the order's limit price.
    @param amount WAD base, unsigned: the order's side decides who gains it.
    @param max_fee The most bps of the notional that the taker pays.
    @dev Reverts with `exchange: not allowed`, `exchange: nothing to fill`, `exchange: fee above limit`, then with what
        an order may be refused for, then with what the Clearinghouse refuses.
    """
    assert staticcall clearinghouse.is_allowed(taker, msg.sender), "exchange: not allowed"
    assert amount > 0, "exchange: nothing to fill"
    taker_bps: uint256 = 0
    maker_bps: uint256 = 0
    taker_bps, maker_bps = self._fees()
    assert taker_bps <= max_fee, "exchange: fee above limit"
    digest: bytes32 = self._use(order, signature, taker, amount, maker_bps)
    size: int256 = convert(amount, int256)
    if order.size > 0:
        size = -size
    self._trade(order.market, taker, order.account, size, order.price, taker_bps, maker_bps, digest, empty(bytes32))


@external
def cross(a: IExchange.Order, signature_a: Bytes[512], b: IExchange.Order, signature_b: Bytes[512], amount: uint256):
    """
    @notice Anybody matches two signed orders at the mid of their limits, rounded down; `a` is the taker.
    @dev Reverts with `exchange: orders do not match` (markets, or sides), `exchange: prices do not cross`,
        `exchange: nothing to fill`, then with what `a` and then `b` may be refused for, then as the Clearinghouse does.
    """
    assert a.market == b.market and (a.size > 0) != (b.size > 0), "exchange: orders do not match"
    buy: uint256 = a.price if a.size > 0 else b.price
    sell: uint256 = b.price if a.size > 0 else a.price
    assert buy >= sell, "exchange: prices do not cross"
    assert amount > 0, "exchange: nothing to fill"
    taker_bps: uint256 = 0
    maker_bps: uint256 = 0
    taker_bps, maker_bps = self._fees()
    digest_a: bytes32 = self._use(a, signature_a, b.account, amount, taker_bps)
    digest_b: bytes32 = self._use(b, signature_b, a.account, amount, maker_bps)
    size: int256 = convert(amount, int256)
    if a.size < 0:
        size = -size
    # Both prices were bounded as their orders were used.
    price: uint256 = (buy + sell) // 2
    self._trade(a.market, a.account, b.account, size, price, taker_bps, maker_bps, digest_b, digest_a)


@external
def book(order: IExchange.Order, signature: Bytes[512], counterparty: uint256, amount: uint256) -> uint256:
    """
    @notice Books a fill of an order at its limit price for the auction, which trades it itself.
    @return What the order's account pays for it, WAD quote.
    @dev Reverts with `exchange: not the auction`, `exchange: nothing to fill`, then with what an order may be refused for.
    """
    assert msg.sender == auction, "exchange: not the auction"
    assert amount > 0, "exchange: nothing to fill"
    maker_bps: uint256 = self._fees()[1]
    digest: bytes32 = self._use(order, signature, counterparty, amount, maker_bps)
    fee: uint256 = self._div_up(self._div_up(amount * order.price, WAD) * maker_bps, BPS)
    size: int256 = convert(amount, int256)
    log IExchange.Filled(
        market=order.market,
        taker=counterparty,
        maker=order.account,
        order_hash=digest,
        size=-size if order.size > 0 else size,
        price=order.price,
        taker_fee=0,
        maker_fee=fee,
    )
    return fee


@external
def cancel(account: uint256, nonce: uint256):
    """
    @notice Owner or operator cancels the order with this nonce, and with it every lower nonce of the same slot (nonce & 255).
    @dev Reverts with `exchange: not allowed`, `exchange: order out of range`. Cancelling twice is no error.
    """
    assert staticcall clearinghouse.is_allowed(account, msg.sender), "exchange: not allowed"
    assert nonce < NONCES, "exchange: order out of range"
    # A slot that a later order has taken over already cancels this one, and must not go back.
    if self._slot_nonce(self.slots[account][nonce & 255]) <= nonce:
        self.slots[account][nonce & 255] = CANCELLED | nonce << 128
    log IExchange.Cancelled(account=account, nonce=nonce, below=False)


@external
def cancel_below(account: uint256, nonce: uint256):
    """
    @notice Owner or operator cancels every order of `account` whose nonce is below `nonce`. It never goes down.
    @dev Reverts with `exchange: not allowed`, `exchange: order out of range`, `exchange: nonce below the lowest`.
    """
    assert staticcall clearinghouse.is_allowed(account, msg.sender), "exchange: not allowed"
    assert nonce <= NONCES, "exchange: order out of range"
    assert nonce >= self.lowest_nonce[account], "exchange: nonce below the lowest"
    self.lowest_nonce[account] = nonce
    log IExchange.Cancelled(account=account, nonce=nonce, below=True)


@external
def set_fees(taker_bps: uint256, maker_bps: uint256):
    """
    @notice The owner sets what both sides pay, in bps of the notional.
    @dev Reverts with `ownable: caller is not the owner`, `exchange: fees out of range` (above 100).
    """
    ownable._check_owner()
    self._set_fees(taker_bps, maker_bps)


@external
@view
def taker_bps() -> uint256:
    """
    @return What a taker pays, bps of the notional.
    """
    return self._fees()[0]


@external
@view
def maker_bps() -> uint256:
    """
    @return What a maker pays, bps of the notional.
    """
    return self._fees()[1]


@external
@view
def order_hash(order: IExchange.Order) -> bytes32:
    """
    @return The EIP-712 digest of an order, under which its fills are kept and logged.
    """
    return orders._hash(order)


@external
@view
def slot(account: uint256, index: uint256) -> uint256:
    """
    @return The fill state of the last order that used slot `index` (nonce & 255): bits 0..127 filled, 128..191 its nonce,
        192..255 the top of its hash.
    """
    return self.slots[account][index]


@internal
@view
def _fees() -> (uint256, uint256):
    """
    @notice What a taker and a maker pay, bps of the notional.
    """
    fees: uint256 = self.fees
    return fees & CANCELLED, fees >> 128


@internal
def _set_fees(taker_bps: uint256, maker_bps: uint256):
    assert taker_bps <= HIGHEST_FEE and maker_bps <= HIGHEST_FEE, "exchange: fees out of range"
    self.fees = taker_bps | maker_bps << 128
    log IExchange.FeesSet(taker_bps=taker_bps, maker_bps=maker_bps)


@internal
def _use(
    order: IExchange.Order, signature: Bytes[512], counterparty: uint256, amount: uint256, fee: uint256
) -> bytes32:
    """
    @notice Checks that an order may fill `amount` against `counterparty` for a fee in bps, and books the fill.
    @return The order's hash.
    """
    in_range: bool = order.nonce < NONCES and order.price < AMOUNTS
    in_range = in_range and order.size < convert(AMOUNTS, int256) and order.size > -convert(AMOUNTS, int256)
    assert in_range, "exchange: order out of range"
    assert block.timestamp <= order.expiry, "exchange: order expired"

    word: uint256 = self.slots[order.account][order.nonce & 255]
    nonce: uint256 = self._slot_nonce(word)
    filled: uint256 = 0
    digest: bytes32 = orders._hash(order)
    tag: uint256 = convert(digest, uint256) >> 192
    assert order.nonce >= self.lowest_nonce[order.account] and order.nonce >= nonce, "exchange: order cancelled"
    # A word of zero is a slot never used; nonce 0 is a nonce like any other.
    if word != 0 and order.nonce == nonce:
        filled = word & CANCELLED
        assert filled != CANCELLED, "exchange: order cancelled"
        assert word >> 192 == tag, "exchange: nonce used"

    assert orders._is_signed(clearinghouse, order.account, digest, signature), "exchange: bad signature"
    assert order.taker == 0 or order.taker == counterparty, "exchange: wrong taker"
    assert fee <= order.max_fee, "exchange: fee above limit"
    size: uint256 = convert(abs(order.size), uint256)
    assert amount <= size and filled <= size - amount, "exchange: over-filled"
    if order.reduce_only:
        assert self._reduces(order.account, order.market, order.size > 0, amount), "exchange: reduce only"

    self.slots[order.account][order.nonce & 255] = (filled + amount) | order.nonce << 128 | tag << 192
    return digest


@internal
def _trade(
    market: uint256,
    taker: uint256,
    maker: uint256,
    size: int256,
    price: uint256,
    taker_bps: uint256,
    maker_bps: uint256,
    maker_order: bytes32,
    taker_order: bytes32,
):
    """
    @notice Has the Clearinghouse trade, and logs one event for each order that took part.
    @dev Fees are rounded up, notional included.
    """
    notional: uint256 = self._div_up(convert(abs(size), uint256) * price, WAD)
    taker_fee: uint256 = self._div_up(notional * taker_bps, BPS)
    maker_fee: uint256 = self._div_up(notional * maker_bps, BPS)
    extcall clearinghouse.trade(market, taker, maker, size, price, taker_fee, maker_fee)
    for order: bytes32 in [maker_order, taker_order]:
        if order != empty(bytes32):
            log IExchange.Filled(
                market=market,
                taker=taker,
                maker=maker,
                order_hash=order,
                size=size,
                price=price,
                taker_fee=taker_fee,
                maker_fee=maker_fee,
            )


@internal
@view
def _reduces(account: uint256, market: uint256, buys: bool, amount: uint256) -> bool:
    """
    @notice Whether a trade of `amount` takes a position closer to zero, and not through it.
    """
    size: int256 = account_words.unpack_position(staticcall clearinghouse.position(account, market))[0]
    return size != 0 and (size < 0) == buys and amount <= convert(abs(size), uint256)


@internal
@pure
def _slot_nonce(word: uint256) -> uint256:
    return (word >> 128) & (NONCES - 1)


@internal
@pure
def _div_up(a: uint256, b: uint256) -> uint256:
    return (a + b - 1) // b
