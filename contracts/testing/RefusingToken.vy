# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title An ERC-20 that answers False instead of moving anything, while it is refusing
@license AGPL-3.0-only
@dev Only tests deploy it. It refuses from the start; `set_refusing(False)` lets tokens move, so that a test can deposit first.
"""
from ethereum.ercs import IERC20

implements: IERC20

decimals: public(immutable(uint8))

name: public(String[64])
symbol: public(String[32])
refusing: public(bool)
totalSupply: public(uint256)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])


@deploy
def __init__(decimals_: uint8):
    self.name = "Refusing"
    self.symbol = "REFUSING"
    self.refusing = True
    decimals = decimals_


@external
def transfer(to: address, amount: uint256) -> bool:
    return self._move(msg.sender, to, amount)


@external
def transferFrom(sender: address, to: address, amount: uint256) -> bool:
    if not self.refusing:
        self.allowance[sender][msg.sender] -= amount
    return self._move(sender, to, amount)


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
def set_refusing(refusing: bool):
    self.refusing = refusing


@internal
def _move(sender: address, to: address, amount: uint256) -> bool:
    if self.refusing:
        return False
    self.balanceOf[sender] -= amount
    self.balanceOf[to] += amount
    log IERC20.Transfer(sender=sender, receiver=to, value=amount)
    return True
