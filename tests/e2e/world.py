"""The protocol on a chain of one's own: two markets, signed prices, traders under leverage, a maker, a taker."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import astuple
from itertools import count
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_utils.crypto import keccak
from web3 import Web3
from web3.exceptions import Web3Exception

from keeper.model.words import LISTED, PERP_ALLOWED, SPOT_ALLOWED, Curve, Limits, Parameters, Risk, Run, Settings, Terms
from keeper.orders import FOREVER, Order, sign_order
from keeper.publish.reports import Entry, sign_report
from scripts._deployment import kept
from scripts._deployment.addresses import addresses_after
from tests.e2e.anvil import MNEMONIC, Anvil

WAD = 10**18
ETH, BTC = 0, 1
PRICES = {ETH: 2_000, BTC: 50_000}
FEED_UNITS = 10**8
HEARTBEAT = 3_600
ROUND = 2
# round_seconds, max_report_age, price_age, fast_life, tau, one_source, dead, basis_rate, basis_window, funding_period
ORACLE = (ROUND, 10, 15, 60, 60, 1_000, 20_000, 1_000, 300, 28_800, 0)
MARKETS = {
    ETH: Parameters(4600, 470, 1400, bucket=1, flags=LISTED | PERP_ALLOWED | SPOT_ALLOWED),
    BTC: Parameters(3250, 400, 1350, bucket=0, flags=LISTED | PERP_ALLOWED),
}
RISK = Risk(rho=(84,) + (0,) * 27, kappa=2_500, iota=15_000, min_requirement=2_000)
SETTINGS = Settings(kink=8_000, at_kink=60_000_000, at_full=1_000_000_000, reserve=1_000, band=500, max_fee=100)
CURVE = Curve(((0, 0), (60, 3_500), (300, 7_000)))
TERMS = Terms(target=14_000, penalty=500, backstop=300, grace=300, opener_cap=50 * WAD)
LIMITS = Limits(most=10**6 * WAD, seconds=86_400)

Account.enable_unaudited_hdwallet_features()


def wallet(number: int) -> Any:
    """One of the chain's funded wallets."""
    return Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{number}")


class World:
    """Deploys on entering a fresh chain; every act is a transaction in a block of its own until `hold`."""

    def __init__(self, chain: Anvil) -> None:
        self.chain = chain
        self.web3 = Web3(Web3.HTTPProvider(chain.url))
        # It asks for the chain's number up to three times a call.
        self.web3.middleware_onion.remove("validation")
        self.owner, self.maker, self.trader, self.taker, self.rival = (wallet(number) for number in range(5))
        self.signers = [wallet(number) for number in (5, 6, 7)]
        self.start = chain.head()["number"] + 1
        self.contracts: dict[str, Any] = {}
        self._nonces = count(1)
        self._deploy()

    def account(self, who: Any, sub: int = 0) -> int:
        return int(who.address, 16) << 96 | sub

    def send(self, who: Any, call: Any) -> None:
        """Send a call from a wallet that the node has the key of; it is mined at once unless blocks are held."""
        sent = call.transact({"from": who.address, "gas": 10_000_000})
        if not self.chain.held:
            receipt = self.web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.005)
            assert receipt["status"] == 1, self._reason(who, call)

    def _reason(self, who: Any, call: Any) -> str:
        try:
            call.call({"from": who.address})
        except Web3Exception as error:
            return str(error)
        return "it does not revert when called again"

    def record(self, directory: Path) -> Path:
        """The deployment file as the deploy script writes it."""
        contracts = {
            name: {
                "address": self.contracts[name].address,
                "code_hash": "0x" + keccak(bytes(self.web3.eth.get_code(self.contracts[name].address))).hex(),
                "abi": self.contracts[name].abi,
            }
            for name in ("Clearinghouse", "RiskEngine", "Auction", "InsuranceVault", "Exchange")
        }
        markets = [{"id": ETH, "symbol": "ETH"}, {"id": BTC, "symbol": "BTC"}]
        path = directory / "deployment.json"
        body = {"network": "test", "chain_id": self.web3.eth.chain_id, "block": self.start, "contracts": contracts}
        path.write_text(json.dumps({**body, "markets": markets, "quote": {"symbol": "USDC", "decimals": 6}}))
        return path

    def prices(self, prices: dict[int, float], seconds: int = ROUND) -> None:
        """Slow feeds and a round of three signers; held blocks: in one, so much later, with all that waits."""
        now = self.chain.head()["time"]
        for market, price in prices.items():
            self.send(self.owner, self.contracts[f"feed{market}"].functions.push(round(price * FEED_UNITS), now))
        if not self.chain.held:
            now = self.chain.head()["time"]
        time = now + seconds + (now + seconds) % ROUND
        self.chain.call("evm_setNextBlockTimestamp", time)
        self.send(self.owner, self.update(prices, time))
        if self.chain.held:
            self.chain.call("evm_mine")

    def update(self, prices: dict[int, float], time: int) -> Any:
        """An update with the round of `time`."""
        engine = self.contracts["RiskEngine"]
        entries = [Entry(market, round(price * 10**6) * 10**12) for market, price in prices.items()]
        reports = [
            sign_report(entries, time // ROUND, self.web3.eth.chain_id, engine.address, signer.key)
            for signer in self.signers
        ]
        return engine.functions.update([tuple(report) for report in reports])

    def fund(self, who: Any, amount: int, sub: int = 0) -> int:
        account = self.account(who, sub)
        self.send(who, self.contracts["Clearinghouse"].functions.deposit(account, amount * 10**6))
        return account

    def buy(self, sub: int, market: int, size: float, price: float, who: Any = None) -> None:
        """The sub-account of the trader, or of `who`, gains `size` (signed) from the maker."""
        who = who or self.trader
        exchange = self.contracts["Exchange"]
        order = Order(
            account=self.account(self.maker),
            market=market,
            size=-round(size * 10**6) * 10**12,
            price=round(price * 10**6) * 10**12,
            max_fee=100,
            expiry=FOREVER,
            nonce=next(self._nonces),
        )
        signature = sign_order(order, self.web3.eth.chain_id, exchange.address, self.maker.key)
        taker = self.account(who, sub)
        self.send(who, exchange.functions.fill(astuple(order), signature, taker, abs(order.size), 100))

    def lever(self, cash: Sequence[int], takers: int) -> None:
        """The trader's sub-accounts from 1, long one ETH at its price with so much cash each; blocks held then."""
        self.prices(PRICES)
        self.fund(self.maker, 10_000_000)
        for who in (self.taker, self.rival):
            self.fund(who, takers)
        for sub, amount in enumerate(cash, 1):
            self.fund(self.trader, amount, sub)
        self.prices(PRICES)
        for sub in range(1, len(cash) + 1):
            self.buy(sub, ETH, 1, PRICES[ETH])
        self.chain.hold()
        self.prices({ETH: PRICES[ETH], BTC: PRICES[BTC]})

    def run(self, account: int) -> Run:
        return Run.unpack(self.contracts["Auction"].functions.run(account).call())

    def assess(self, account: int) -> Any:
        return self.contracts["Clearinghouse"].functions.assess(account).call()

    def healths(self, accounts: Sequence[int]) -> list[tuple[int, int]]:
        """Equity and requirement of each (WAD quote), in one request."""
        house = self.contracts["Clearinghouse"]
        selector = house.functions.assess(0).selector
        calls = [{"to": house.address, "data": f"{selector}{account:064x}"} for account in accounts]
        answers = self.chain.batch("eth_call", [[call, "latest"] for call in calls])
        words = [bytes.fromhex(answer[2:]) for answer in answers]
        return [(int.from_bytes(w[:32], signed=True), int.from_bytes(w[32:64])) for w in words]

    def size(self, account: int, market: int) -> int:
        word = self.contracts["Clearinghouse"].functions.position(account, market).call()
        size = word & (1 << 128) - 1
        return size - (1 << 128) if size >> 127 else size

    def taken(self, first: int = 0) -> list[Any]:
        """Every sale since block `first`."""
        return list(self.contracts["Auction"].events.Taken().get_logs(from_block=first))

    def _deploy(self) -> None:
        engine = self.deploy("RiskEngine", "RiskEngine", ORACLE, "0x" + "00" * 20, 0)
        self.own(engine.functions.set_risk(RISK.pack()))
        self.own(engine.functions.set_signers([signer.address for signer in self.signers], len(self.signers)))
        quote = self.deploy("Quote", "testing/TestToken", "Quote", "USDC", 6)
        nonce = self.web3.eth.get_transaction_count(self.owner.address)
        named = addresses_after(self.owner.address, nonce, 4)[1:]
        house = self.deploy("Clearinghouse", "Clearinghouse", quote.address, engine.address, SETTINGS.pack(), *named)
        self.deploy("Auction", "Auction", house.address, TERMS.pack(), CURVE.pack(), LIMITS.pack())
        self.deploy("InsuranceVault", "InsuranceVault", house.address, "Vault", "V", 60)
        exchange = self.deploy("Exchange", "Exchange", house.address, 3, 0)
        self.own(house.functions.set_venue(exchange.address, True))
        for market, parameters in MARKETS.items():
            feed = self.deploy(f"feed{market}", "testing/TestFeed", 8)
            self.own(engine.functions.add_market(parameters.pack(), feed.address, HEARTBEAT, 500))
        for who in (self.owner, self.maker, self.trader, self.taker, self.rival):
            self.send(who, quote.functions.mint(who.address, 10**9 * 10**6))
            self.send(who, quote.functions.approve(house.address, 2**256 - 1))

    def deploy(self, name: str, path: str, *args: Any) -> Any:
        """A contract of that path, known as `name`."""
        made = kept.made(path)
        factory = self.web3.eth.contract(abi=made.abi, bytecode=made.bytecode)
        sent = factory.constructor(*args).transact({"from": self.owner.address, "gas": 16_000_000})
        address = self.web3.eth.wait_for_transaction_receipt(sent)["contractAddress"]
        self.contracts[name] = self.web3.eth.contract(address=address, abi=made.abi)
        return self.contracts[name]

    def own(self, call: Any) -> None:
        """A call by the owner."""
        self.send(self.owner, call)
