# pragma version ~=0.4.3
"""
@title Who a batch calls in the middle: brings quote of its own to an account, and calls what it was told to
@license AGPL-3.0-only
"""
from ethereum.ercs import IERC20

from ..interfaces import IBatchReceiver
from ..interfaces import IClearinghouse

implements: IBatchReceiver

CLEARINGHOUSE: immutable(IClearinghouse)
QUOTE: immutable(IERC20)

caller: public(address)
# What to call, and how it answered.
target: address
data: Bytes[4096]
succeeded: public(bool)
answer: public(Bytes[512])


@deploy
def __init__(clearinghouse: address):
    CLEARINGHOUSE = IClearinghouse(clearinghouse)
    QUOTE = IERC20(staticcall CLEARINGHOUSE.quote_token())


@external
def arm(target: address, data: Bytes[4096]):
    self.target = target
    self.data = data


@external
def on_batch(caller: address, data: Bytes[4096]):
    self.caller = caller
    if self.target != empty(address):
        self.succeeded, self.answer = raw_call(self.target, self.data, max_outsize=512, revert_on_failure=False)
    if len(data) != 0:
        account: uint256 = 0
        amount: uint256 = 0
        account, amount = abi_decode(data, (uint256, uint256))
        extcall QUOTE.approve(CLEARINGHOUSE.address, amount)
        extcall CLEARINGHOUSE.deposit(account, amount)
