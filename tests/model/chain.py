"""The RiskEngine on titanoboa beside its model: deploying both alike, signing prices, and reading words back."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import boa
from eth_keys import keys
from eth_utils.crypto import keccak

from keeper.model.prices import Answer, Oracle, encode_price
from keeper.model.risk_engine import Clock, Quoted, Report, RiskEngine
from keeper.model.state import Journal, Refused
from keeper.model.words import QUOTE_FEED, Parameters, Risk, SlowFeed
from scripts._deployment.kept import whole
from tests.model.contracts import contract

ROOT = Path(__file__).parents[2]
START = 1_800_000_000
NOBODY = "0x" + "00" * 20
ORACLE = Oracle(2, 10, 15, 60, 60, 1_000, 20_000, 1_000, 300, 28_800, 40)
HEARTBEAT = 600

DOMAIN_TYPE = keccak(text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
REPORT_TYPE = keccak(text="Report(uint64 round,bytes payload)")


def use_own_cache() -> None:
    """Compiled contracts are kept under the hash of all their sources: a changed import or interface is seen."""
    boa.interpret.set_cache_dir(str(ROOT / ".build" / "titanoboa" / whole()))


def load(name: str, *args: Any) -> Any:
    """Deploy contracts/<name>.vy."""
    return contract(name).deploy(*args)


def word(value: int) -> bytes:
    """A 32-byte big-endian word; negative numbers in two's complement."""
    return (value % 2**256).to_bytes(32, "big")


def number(address: Any) -> int:
    """An address as the integer that models use."""
    return int(str(address), 16)


def domain(contract: Any) -> bytes:
    """The EIP-712 domain separator ("Plimsoll", "1") of a contract."""
    return keccak(
        DOMAIN_TYPE
        + keccak(text="Plimsoll")
        + keccak(text="1")
        + word(boa.env.evm.patch.chain_id)
        + word(number(contract.address))
    )


def sign(separator: bytes, struct_hash: bytes, key: keys.PrivateKey) -> tuple[int, bytes]:
    """The digest that a wallet signs, and its 65-byte signature."""
    digest = keccak(b"\x19\x01" + separator + struct_hash)
    signature = key.sign_msg_hash(digest)
    return int.from_bytes(digest, "big"), word(signature.r) + word(signature.s) + bytes([27 + signature.v])


ERROR_STRING = keccak(text="Error(string)")[:4]


def send(contract: Any, function: str, *args: Any, sender: str | None = None) -> tuple[str, Any]:
    """Call a function: "" or the revert string (bare reverts as hex), and the computation with its logs."""
    called = getattr(contract, function)
    computation = boa.env.execute_code(
        to_address=contract.address, sender=sender, data=called.prepare_calldata(*args), contract=contract
    )
    if not computation.is_error:
        return "", computation
    data = bytes(computation.output)
    if data[:4] != ERROR_STRING:
        return f"0x{data.hex()} {computation.error!r}", computation
    return data[68 : 68 + int.from_bytes(data[36:68], "big")].decode(), computation


def new_key(rng: random.Random) -> keys.PrivateKey:
    """A key from a seeded generator."""
    return keys.PrivateKey(rng.randbytes(32))


def set_time(now: int) -> None:
    """Move the test chain's clock."""
    boa.env.evm.patch.timestamp = now


@dataclass
class Engines:
    """A RiskEngine contract and its model, driven alike."""

    contract: Any
    model: RiskEngine
    signers: list[keys.PrivateKey]
    feeds: dict[int, Any]

    def at(self, now: int) -> None:
        """Both clocks to `now`."""
        set_time(now)
        self.model.clock.now = now

    def add_market(self, parameters: Parameters, decimals: int | None, heartbeat: int, deviation: int) -> int:
        """The next market, with a slow feed of so many decimals or none."""
        address, slow = NOBODY, SlowFeed()
        if decimals is not None:
            feed = load("testing/TestFeed", decimals)
            address = str(feed.address)
            slow = SlowFeed(number(address), heartbeat, deviation, decimals)
            self.feeds[slow.address] = feed
        self.contract.add_market(parameters.pack(), address, slow.heartbeat, slow.deviation)
        return self.model.add_market(parameters, slow)

    def set_risk(self, risk: Risk) -> None:
        """The same risk word to both."""
        self.contract.set_risk(risk.pack())
        self.model.set_risk(risk)

    def push(self, feed: int, answer: Answer | None) -> None:
        """What an aggregator answers from now on; None: its call fails."""
        contract = self.feeds[feed]
        contract.set_reverting(answer is None)
        if answer is not None:
            contract.set_round(*answer)
        self.model.answers[feed] = answer

    def reports(self, round_: int, columns: Iterable[Sequence[Quoted]], signers: Sequence[keys.PrivateKey]) -> Reports:
        """Signed reports of one round, one for each signer."""
        made = Reports([], [])
        for entries, key in zip(columns, signers, strict=True):
            made.add(self, Report(round_, tuple(entries), number(key.public_key.to_address())), key)
        return made

    def prices(self, prices: dict[int, int], confidence: int = 20, basis: int = 0) -> None:
        """A round of this moment in which all signers agree, on both sides."""
        entries = [Quoted(market, encode_price(price), confidence, basis) for market, price in prices.items()]
        threshold = self.model.signers.value[1]
        round_ = self.model.clock.now // self.model.oracle.round_seconds
        reports = self.reports(round_, [entries] * threshold, self.signers[:threshold])
        self.contract.update(reports.signed)
        self.model.update(reports.plain)

    def assert_same_words(self, markets: Iterable[int]) -> None:
        """Every market's price word is the model's."""
        for market in markets:
            modelled = self.model.prices[market]
            assert self.contract.price_word(market) == (modelled.pack() if modelled else 0), f"price word of {market}"


@dataclass
class Reports:
    """The same reports twice: as the contract takes them, and as the model does."""

    signed: list[tuple[int, bytes, bytes]]
    plain: list[Report]

    def add(self, engines: Engines, report: Report, key: keys.PrivateKey | None) -> None:
        """Sign and add one report; without a key its signature is of nobody."""
        payload = b"".join(word(entry_word(entry)) for entry in report.entries)
        struct_hash = keccak(REPORT_TYPE + word(report.round) + keccak(payload))
        signature = sign(domain(engines.contract), struct_hash, key)[1] if key else bytes(65)
        self.signed.append((report.round, payload, signature))
        self.plain.append(report)


def entry_word(entry: Quoted) -> int:
    """A payload's 32-byte entry."""
    return entry.price | entry.confidence << 54 | (entry.basis & 2**20 - 1) << 70 | entry.market << 90


def deploy_engine(
    rng: random.Random, threshold: int, quote_decimals: int | None = None, model: RiskEngine | None = None
) -> Engines:
    """Both engines with signers, no market yet; with a feed of the quote token if decimals are given.

    Without a `model` one that stands alone is made.
    """
    set_time(START)
    feeds: dict[int, Any] = {}
    address, quote_feed = NOBODY, SlowFeed()
    if quote_decimals is not None:
        feed = load("testing/TestFeed", quote_decimals)
        address = str(feed.address)
        quote_feed = SlowFeed(number(address), HEARTBEAT, 0, quote_decimals)
        feeds[quote_feed.address] = feed
    contract = load("RiskEngine", astuple(ORACLE), address, quote_feed.heartbeat)
    assert contract.slow_feed(QUOTE_FEED) == quote_feed.pack()
    if model is None:
        model = RiskEngine(Journal(), Clock(START), ORACLE)
    model.set_slow_feed(QUOTE_FEED, quote_feed)
    signers = [new_key(rng) for _ in range(threshold + 2)]
    addresses = [key.public_key.to_address() for key in signers]
    contract.set_signers(addresses, threshold)
    model.set_signers([number(address) for address in addresses], threshold)
    return Engines(contract, model, signers, feeds)


def outcome(act: Any) -> str:
    """ "" if the model's act happens, else why it was refused."""
    try:
        act()
    except Refused as refusal:
        return refusal.reason
    return ""
