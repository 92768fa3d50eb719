# pragma version ~=0.4.3
"""
@title An ERC-20 that calls a target while it moves, and keeps what came of it
@license AGPL-3.0-only
@dev Only tests deploy it. `arm` sets one call; the next transfer or transferFrom makes it after the balances moved,
    or a later one: `pass_over` says how many go by.
    The lock is off on purpose: what the target does with this token during the call is part of the test.
"""
from ethereum.ercs import IERC20

implements: IERC20

decimals: public(immutable(uint8))

name: public(String[64])
symbol: public(String[32])
totalSupply: public(uint256)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])

target: public(address)  # empty: nothing is armed
passed_over: public(uint256)  # moves to come before the call is made
data: public(Bytes[4096])
called: public(bool)  # the armed call was made
reverted: public(bool)  # and it reverted
answer: public(Bytes[512])  # what it returned, or the whole revert data


@deploy
def __init__(decimals_: uint8):
    self.name = "Reentrant"
    self.symbol = "REENTRANT"
    decimals = decimals_


@external
def transfer(to: address, amount: uint256) -> bool:
    self._move(msg.sender, to, amount)
    return True


@external
def transferFrom(sender: address, to: address, amount: uint256) -> bool:
    self.allowance[sender][msg.sender] -= amount
    self._move(sender, to, amount)
    return True


@external
def approve(spender: address, amount: uint256) -> bool:
    self.allowance[msg.sender][spender] = amount
    log IERC20.Approval(owner=msg.sender, spender=spender, value=amount)
    return True


@external
def mint(to: address, amount: uint256):
    self.totalSupply += amount
    self.balanceOf[to] += amount
    log IERC20.Transfer(sender=empty(address), receiver=to, value=amount)


@external
def arm(target: address, data: Bytes[4096]):
    self.target = target
    self.data = data
    self.called = False
    self.reverted = False
    self.answer = b""


@external
def pass_over(moves: uint256):
    self.passed_over = moves


@internal
def _move(sender: address, to: address, amount: uint256):
    self.balanceOf[sender] -= amount
    self.balanceOf[to] += amount
    log IERC20.Transfer(sender=sender, receiver=to, value=amount)
    target: address = self.target
    if self.passed_over != 0:
        self.passed_over -= 1
    elif target != empty(address):
        # Once only: the target may well move this token again.
        self.target = empty(address)
        success: bool = False
        answer: Bytes[512] = b""
        success, answer = raw_call(target, self.data, max_outsize=512, revert_on_failure=False)
        self.called = True
        self.reverted = not success
        self.answer = answer
