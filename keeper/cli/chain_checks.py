"""What `keeper doctor` asks of the chain: endpoints each by itself and together, contracts, balances. Sends nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from eth_utils.crypto import keccak

from keeper.chain.duplex import DuplexLink, link_to
from keeper.chain.links import Link
from keeper.chain.types import Header, LinkError, RpcError, header_of, number
from keeper.cli.checks import Check, Mark, ok, warn, wrong
from keeper.config import Config, Deployment
from keeper.decide.offer import GAS_BID, GAS_LOT, GAS_LOT_MARKET
from keeper.execution.calls import selector
from keeper.execution.signers import Signer
from keeper.model.margin import spare
from keeper.model.requirement import Assessment
from keeper.watch.logs import redacted

WAD = 10**18
GAS = GAS_BID + GAS_LOT + GAS_LOT_MARKET
"""Of a small bid."""
FEW = 20
"""Transactions at the fee cap: with less balance than for so many, somebody should fill it up."""
REFUSED = "the chain refused to say"


@dataclass(slots=True)
class Endpoint:
    """One endpoint and what it told."""

    url: str
    name: str
    link: Link
    head: Header | None = None
    usable: bool = False


class ChainDoctor:
    """The checks of one configuration; `checks` grows."""

    def __init__(self, config: Config, deployment: Deployment, listen: float) -> None:
        self.checks: list[Check] = []
        self._config = config
        self._deployment = deployment
        self._listen = listen
        chain = config.chain
        self._endpoints = [
            Endpoint(url, f"endpoint {place}", link_to(url, chain.request_seconds, chain.poll_seconds))
            for place, url in enumerate(chain.endpoints, 1)
        ]

    async def examine(self, signers: Sequence[Signer]) -> None:
        """All of it; an endpoint that fails keeps the others from nothing."""
        try:
            await asyncio.gather(*(self._endpoint(endpoint) for endpoint in self._endpoints))
            await self._together()
            usable = [endpoint for endpoint in self._endpoints if endpoint.usable]
            if not usable:
                do = "mend an endpoint first; contracts and balances were not looked at"
                self.checks.append(wrong("contracts", "no endpoint of this chain answers", do))
                return
            await self._contracts(usable[0].link)
            if signers:
                await self._money(usable[0].link, signers)
        finally:
            await asyncio.gather(*(endpoint.link.close() for endpoint in self._endpoints))

    async def _endpoint(self, endpoint: Endpoint) -> None:
        """Reachable, of this chain, with logs and word of heads."""
        name, link, shown = endpoint.name, endpoint.link, redacted(endpoint.url)
        try:
            await link.open()
            if not await self._right_chain(endpoint, shown):
                return
            head = header_of(await link.call("eth_getBlockByNumber", ["latest", False]))
            endpoint.head, endpoint.usable = head, True
            told = [self._age(head)]
            query = {"blockHash": head.hash, "address": self._deployment.address("Clearinghouse")}
            if not isinstance(await link.call("eth_getLogs", [query]), list):
                raise LinkError("eth_getLogs: the answer is no list")
            first = self._deployment.block
            query = {"fromBlock": hex(first), "toBlock": hex(first), "address": query["address"]}
            await link.call("eth_getLogs", [query])
            told.append("logs of the first and the newest block")
            if isinstance(link, DuplexLink):
                told.append(await self._subscribed(link))
        except (LinkError, RpcError) as error:
            endpoint.usable = False
            do = "check the address, its key and the provider's plan; logs and subscriptions must be part of it"
            said = redacted(str(error))
            self.checks.append(wrong(name, said if said.startswith(shown) else f"{shown}: {said}", do))
            return
        self._add_head(endpoint, shown, told)

    def _add_head(self, endpoint: Endpoint, shown: str, told: list[str]) -> None:
        head, limits = endpoint.head, self._config.watch
        assert head is not None
        age = time.time() - head.time
        said = f"{shown}: {', '.join(told)}"
        if limits.head_age_seconds and age > limits.head_age_seconds:
            do = "use an endpoint that follows the chain; on a chain without regular blocks: watch.head_age_seconds = 0"
            self.checks.append(wrong(endpoint.name, said, do))
        elif -age > limits.clock_seconds:
            do = "mend this machine's clock (timedatectl); on a test chain that runs ahead: raise watch.clock_seconds"
            self.checks.append(wrong("clock", f"the newest block is {-age:.0f} s ahead of it", do))
            self.checks.append(ok(endpoint.name, said))
        else:
            self.checks.append(ok(endpoint.name, said))

    @staticmethod
    def _age(head: Header) -> str:
        return f"block {head.number}, {time.time() - head.time:.0f} s old"

    async def _right_chain(self, endpoint: Endpoint, shown: str) -> bool:
        chain_id = number(await endpoint.link.call("eth_chainId", []))
        if chain_id != self._deployment.chain_id:
            said = f"{shown}: is chain {chain_id}, the deployment is on {self._deployment.chain_id}"
            do = "take another endpoint, or set chain.deployment to the file of this chain"
            self.checks.append(wrong(endpoint.name, said, do))
            return False
        wanted = self._deployment.genesis
        if wanted is not None:
            block = await endpoint.link.call("eth_getBlockByNumber", ["0x0", False])
            found = block["hash"] if block else "not there"
            if found.lower() != wanted.lower():
                said = f"{shown}: block 0 is {found}, the deployment's chain began with {wanted}"
                do = "another chain of the same id, or a local one started anew: deploy to it, or change the endpoint"
                self.checks.append(wrong(endpoint.name, said, do))
                return False
        return True

    async def _subscribed(self, link: DuplexLink) -> str:
        heard = asyncio.Event()
        await link.follow(lambda _: heard.set(), heard.set)
        if not self._listen:
            return "subscribed to heads"
        try:
            async with asyncio.timeout(self._listen):
                await heard.wait()
        except TimeoutError:
            return f"subscribed, no block within {self._listen:.0f} s"
        if link.lost is not None:
            raise link.lost
        return "subscription told of a block"

    async def _together(self) -> None:
        """Whether the endpoints agree on where the chain is."""
        heads = {one.name: one.head for one in self._endpoints if one.usable and one.head is not None}
        if len(self._endpoints) == 1:
            do = "name a second endpoint of another provider: when this one is gone, so is the keeper"
            self.checks.append(warn("in sync", "there is one endpoint only", do))
        if len(heads) < 2:
            return
        newest = max(head.number for head in heads.values())
        behind = {name: newest - head.number for name, head in heads.items()}
        late = {name: lag for name, lag in behind.items() if lag > self._config.watch.lag_blocks}
        height = min(head.number for head in heads.values())
        if len({await self._hash(one.link, height) for one in self._endpoints if one.usable}) > 1:
            do = "one of them is on another branch: ask again in a minute, and take out the one that stays apart"
            self.checks.append(wrong("in sync", f"they tell of different blocks at height {height}", do))
        elif late:
            said = ", ".join(f"{name} is {lag} blocks behind" for name, lag in late.items())
            self.checks.append(wrong("in sync", said, "take it out, or put it last in chain.endpoints"))
        else:
            self.checks.append(ok("in sync", f"{len(heads)} endpoints, at most {max(behind.values())} blocks apart"))

    @staticmethod
    async def _hash(link: Link, height: int) -> str:
        try:
            block = await link.call("eth_getBlockByNumber", [hex(height), False])
        except (LinkError, RpcError) as error:
            return redacted(str(error))
        return "none" if block is None else str(block["hash"])

    async def _contracts(self, link: Link) -> None:
        """Whether the code at each address is the one that was deployed."""
        wanted = self._deployment.contracts
        other, missing, unknown = [], [], []
        try:
            for name, contract in wanted.items():
                code = bytes.fromhex((await link.call("eth_getCode", [contract.address, "latest"]))[2:])
                if not code:
                    missing.append(f"{name} at {contract.address}")
                elif contract.code_hash is None:
                    unknown.append(name)
                elif "0x" + keccak(code).hex() != contract.code_hash.lower():
                    other.append(f"{name} at {contract.address}")
        except (LinkError, RpcError) as error:
            self.checks.append(wrong("contracts", redacted(str(error)), "try another endpoint"))
            return
        do = "set chain.deployment to the file of this chain's deployment; do not run a keeper on these"
        if missing:
            self.checks.append(wrong("contracts", f"no code: {', '.join(missing)}", do))
        if other:
            self.checks.append(wrong("contracts", f"other code than was deployed: {', '.join(other)}", do))
        if unknown:
            said = f"the file has no code hash of {', '.join(unknown)}"
            self.checks.append(warn("contracts", said, "have them written by `ape run deploy`"))
        if not (missing or other or unknown):
            self.checks.append(ok("contracts", f"{len(wanted)} contracts with the code that was deployed"))

    async def _money(self, link: Link, signers: Sequence[Signer]) -> None:
        """Coin for gas, pending transactions, quote, and the taker's margin."""
        try:
            for address in dict.fromkeys(signer.address for signer in signers):
                await self._coin(link, address)
                await self._pending(link, address)
            await self._taker(link, signers[0].address)
        except (LinkError, RpcError, ValueError) as error:
            self.checks.append(wrong("balances", redacted(str(error)), "try another endpoint"))

    async def _coin(self, link: Link, address: str) -> None:
        balance = number(await link.call("eth_getBalance", [address, "latest"]))
        each = GAS * self._config.fees.max_fee
        last, least = balance // each, self._config.watch.least_native
        said = f"{address} has {balance / WAD:.6f}: {last:,} bids of {GAS:,} gas at the fee cap"
        do = f"send coin to {address}"
        if balance < least or last == 0:
            self.checks.append(wrong("coin for gas", f"{said}; watch.min_native is {least / WAD:g}", do))
        elif last < FEW:
            self.checks.append(warn("coin for gas", said, do))
        else:
            self.checks.append(ok("coin for gas", said))

    async def _pending(self, link: Link, address: str) -> None:
        mined = number(await link.call("eth_getTransactionCount", [address, "latest"]))
        try:
            known = number(await link.call("eth_getTransactionCount", [address, "pending"]))
        except RpcError:
            return
        if known > mined:
            said = f"{address} has {known - mined} transactions that are not mined yet"
            do = "a keeper's own are followed up by its journal; after `keeper restore`, wait until they are mined"
            self.checks.append(warn("pending", said, do))
        else:
            self.checks.append(ok("pending", f"none of {address}; {mined} mined so far"))

    async def _taker(self, link: Link, signer: str) -> None:
        config, house = self._config, self._deployment.address("Clearinghouse")
        owner = config.taker.owner or signer
        account = int(owner, 16) << 96 | config.taker.sub

        async def ask(target: str, signature: str, *words: int) -> list[int]:
            data = selector(signature).hex() + "".join(f"{word:064x}" for word in words)
            answer = await link.call("eth_call", [{"to": target, "data": "0x" + data}, "latest"])
            return [int(answer[at : at + 64], 16) for at in range(2, len(answer), 64)]

        if owner.lower() != signer.lower() and config.bid.enabled:
            allowed = await ask(house, "is_allowed(uint256,address)", account, int(signer, 16))
            if not allowed or not allowed[0]:
                said = f"{signer} is no operator of {owner}: its bids would revert"
                do = f"let {owner} call approve_operator({signer}, true) on the Clearinghouse, or correct taker.owner"
                self.checks.append(wrong("taker", said, do))
        words = await ask(house, "assess(uint256)", account)
        if len(words) != len(Assessment._fields):
            self.checks.append(wrong("taker", REFUSED, "see contracts"))
            return
        seen = Assessment(_signed(words[0]), *words[1:])
        free = spare(seen)
        said = f"0x{account >> 96:040x}:{config.taker.sub} has equity {seen.equity / WAD:,.2f}, {free / WAD:,.2f} free"
        token = f"0x{(await ask(house, 'quote_token()'))[0]:040x}"
        held = (await ask(token, "balanceOf(address)", int(owner, 16)))[0]
        given = (await ask(token, "allowance(address,address)", int(owner, 16), int(house, 16)))[0]
        unit = 10 ** (await ask(token, "decimals()"))[0]
        wallet = f"the owner's wallet holds {held / unit:,.2f}, {min(given, held) / unit:,.2f} of it approved"
        if free <= 0 and config.bid.enabled:
            do = (
                "approve the Clearinghouse for the quote token and deposit(account, amount), "
                "or set bid.enabled = false if this keeper is only to sight"
            )
            self.checks.append(warn("taker", f"{said}; {wallet}", do))
        else:
            self.checks.append(ok("taker", f"{said}; {wallet}"))


def _signed(word: int) -> int:
    return word - (1 << 256) if word >> 255 else word


def worst(checks: Sequence[Check]) -> Mark:
    """Of all of them."""
    marks = {check.mark for check in checks}
    return Mark.FAIL if Mark.FAIL in marks else Mark.WARN if Mark.WARN in marks else Mark.OK
