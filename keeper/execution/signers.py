"""Who signs. A dry run is a signer that does not, so that no way to the chain leads round it."""

from __future__ import annotations

import json
import os
from typing import Any, Protocol

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address

from keeper.config import Config, ConfigError
from keeper.config.schema import KeySection
from keeper.store.journal import Signed

DEFAULT_ENV = "KEEPER_KEY"


class Signer(Protocol):
    """Signs transactions of one address."""

    @property
    def address(self) -> str:
        """Checksummed."""
        ...

    def sign(self, transaction: dict[str, Any]) -> Signed | None:
        """The signed bytes, or None from a signer that does not sign."""
        ...


class KeySigner:
    """Signs with a key held in memory."""

    def __init__(self, account: LocalAccount) -> None:
        self._account = account

    @property
    def address(self) -> str:
        """As of Signer."""
        return str(self._account.address)

    def sign(self, transaction: dict[str, Any]) -> Signed | None:
        """As of Signer."""
        signed = self._account.sign_transaction(transaction)
        return Signed(
            hash="0x" + bytes(signed.hash).hex(),
            raw=bytes(signed.raw_transaction),
            max_fee=int(transaction["maxFeePerGas"]),
            tip=int(transaction["maxPriorityFeePerGas"]),
        )


class DrySigner:
    """Has an address and signs nothing."""

    def __init__(self, address: str) -> None:
        self._address = to_checksum_address(address)

    @property
    def address(self) -> str:
        """As of Signer."""
        return self._address

    def sign(self, transaction: dict[str, Any]) -> Signed | None:
        """None, whatever the transaction."""
        return None


def signers_of(config: Config) -> tuple[Signer, Signer]:
    """The signers of bids and of sightings, one and the same unless sightings have a key of their own.

    Raises ConfigError naming where the key was looked for; never the key.
    """
    if config.signer.dry_run:
        dry = DrySigner(_dry_address(config))
        return dry, dry
    bids = KeySigner(load_key(config.signer, "signer"))
    opens = bids if config.signer.opens is None else KeySigner(load_key(config.signer.opens, "signer.opens"))
    return bids, opens


def _dry_address(config: Config) -> str:
    name = config.signer.key_env or DEFAULT_ENV
    if config.signer.keystore is not None or name in os.environ:
        return str(load_key(config.signer, "signer").address)
    if config.taker.owner is None:
        raise ConfigError("taker.owner: a dry run without a key needs the address that it would act for")
    return config.taker.owner


def load_key(section: KeySection, where: str) -> LocalAccount:
    """The key that `section` points to."""
    if section.keystore is not None:
        password = os.environ.get(section.password_env)
        if password is None:
            raise ConfigError(f"{where}.password_env: the environment has no {section.password_env}")
        try:
            text = section.keystore.read_text(encoding="utf-8")
            key = Account.decrypt(json.loads(text), password)
        except OSError as error:
            raise ConfigError(f"{where}.keystore: {section.keystore}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"{where}.keystore: {section.keystore}: wrong password, or not a keystore") from error
        return Account.from_key(key)
    name = section.key_env or DEFAULT_ENV
    secret = os.environ.get(name)
    if secret is None:
        raise ConfigError(f"{where}.key_env: the environment has no {name}")
    try:
        return Account.from_key(secret)
    except ValueError:
        # Not chained: the original error may quote the key.
        raise ConfigError(f"{where}.key_env: {name} does not hold a private key of 32 bytes") from None
