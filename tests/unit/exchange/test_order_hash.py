"""`order_hash`: the contract and the keeper hash an order alike, on whatever chain the contract finds itself."""

from __future__ import annotations

from dataclasses import astuple

import boa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keeper.model.orders import Order
from keeper.orders import order_hash
from tests.model.contracts import contract

WORDS = st.integers(0, 2**256 - 1)
ORDERS = st.builds(
    Order,
    account=WORDS,
    market=WORDS,
    size=st.integers(-(2**255), 2**255 - 1),
    price=WORDS,
    max_fee=WORDS,
    expiry=WORDS,
    nonce=WORDS,
    reduce_only=st.booleans(),
    taker=WORDS,
)


@pytest.fixture(scope="module")
def venue():
    # Hashing asks the Clearinghouse nothing; the constructor asks it who the auction is.
    house = boa.loads("auction: public(address)")
    return contract("Exchange").deploy(house, 3, 0)


@given(order=ORDERS)
@settings(deadline=None, max_examples=50)
def test_order_hash__any_order__is_the_keepers(venue, order):
    assert venue.order_hash(astuple(order)) == order_hash(order, boa.env.evm.patch.chain_id, venue.address)


def test_order_hash__after_a_chain_split__is_that_of_the_new_chain(venue):
    order = Order(1 << 96, 0, 10**18, 10**18, 3, 0, 1)
    before = venue.order_hash(astuple(order))
    chain_id = boa.env.evm.patch.chain_id
    boa.env.evm.patch.chain_id = chain_id + 1
    try:
        after = venue.order_hash(astuple(order))
    finally:
        boa.env.evm.patch.chain_id = chain_id
    assert after == order_hash(order, chain_id + 1, venue.address) != before
