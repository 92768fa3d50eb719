"""Keys of the demo's wallets, made from the seed, and the transactions they sign."""

from __future__ import annotations

from dataclasses import dataclass

from eth_account import Account
from eth_utils.crypto import keccak
from hexbytes import HexBytes

MNEMONIC = "test test test test test test test test test test test junk"
"""The well-known one of local nodes, from which deployments/parameters/local.json has its price signers."""

SIGNERS = (1, 2, 3, 4)
MAX_FEE = 10**10
TIP = 10**8
FIRST_TIP = 10**9
"""A price comes before what else is in its block."""

ETHER = 10**20


@dataclass(slots=True)
class Wallet:
    """A key with its address and next nonce."""

    name: str
    key: bytes
    address: str
    chain_id: int
    nonce: int = 0

    @property
    def account(self) -> int:
        """Its account number 0 in the protocol."""
        return int(self.address, 16) << 96

    def sign(self, to: str, data: str, gas: int, tip: int = TIP) -> str:
        """A signed transaction as hex; uses up the nonce. To "" it deploys `data`."""
        fields = {
            "chainId": self.chain_id,
            "nonce": self.nonce,
            "to": to,
            "data": data,
            "value": 0,
            "gas": gas,
            "maxFeePerGas": MAX_FEE,
            "maxPriorityFeePerGas": tip,
        }
        self.nonce += 1
        signed = Account.sign_transaction(fields, self.key)
        return "0x" + bytes(signed.raw_transaction).hex()


def wallet(seed: int, name: str, chain_id: int) -> Wallet:
    """The wallet of that name: a key of the seed's, for a local chain only."""
    key = keccak(text=f"plimsoll demo, seed {seed}, {name}")
    return Wallet(name, key, Account.from_key(key).address, chain_id)


def signer_keys() -> dict[str, bytes]:
    """Keys of the local price signers by address."""
    Account.enable_unaudited_hdwallet_features()
    accounts = [Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{number}") for number in SIGNERS]
    return {account.address: bytes(HexBytes(account.key)) for account in accounts}
