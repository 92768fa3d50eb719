# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title An ERC-20 whose issuer may at any time begin to keep a fee of each transfer, as some large stablecoins may
@license AGPL-3.0-only
@dev Only tests deploy it. It begins without a fee. What is kept goes to the issuer, whoever deployed it.
"""
from ethereum.ercs import IERC20

implements: IERC20

decimals: public(immutable(uint8))
issuer: public(immutable(address))

name: public(String[64])
symbol: public(String[32])
fee_bps: public(uint256)
totalSupply: public(uint256)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])


@deploy
def __init__(decimals_: uint8):
    self.name = "Fee"
    self.symbol = "FEE"
    decimals = decimals_
    issuer = msg.sender


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
def set_fee(bps: uint256):
    self.fee_bps = bps


@internal
def _move(sender: address, to: address, amount: uint256):
    fee: uint256 = amount * self.fee_bps // 10_000
    self.balanceOf[sender] -= amount
    self.balanceOf[to] += amount - fee
    self.balanceOf[issuer] += fee
    log IERC20.Transfer(sender=sender, receiver=to, value=amount - fee)
