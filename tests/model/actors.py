"""Who acts in the random operations: wallets with keys, their accounts, and what a sensible act looks like."""

from __future__ import annotations

import random

from eth_keys import keys

from keeper.model.ledger import NO_HOLDING
from keeper.model.requirement import Assessment, Holding
from tests.model.chain import load, number
from tests.model.world import MAIN, MARKETS, World

WAD = 10**18
UNIT = 10**6
SUBS = 4
TRADERS, TAKERS, LENDERS = 6, 2, 2


class Actors:
    """Wallets and accounts in a world, and the questions about them that generators ask the model."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self.world = world
        self.rng = rng
        self.house = world.model.clearinghouse
        self.keys = [keys.PrivateKey(rng.randbytes(32)) for _ in range(TRADERS + TAKERS + LENDERS)]
        self.wallets = [key.public_key.to_address() for key in self.keys]
        self.stranger = keys.PrivateKey(rng.randbytes(32)).public_key.to_address()
        self.owner = str(world.clearinghouse.owner())
        for wallet in (*self.wallets, self.stranger, self.owner):
            world.endow(wallet)
        self.contract_wallet = load("testing/SignerWallet", self.wallets[0])
        self.key_of = {number(wallet): key for wallet, key in zip(self.wallets, self.keys, strict=True)}
        self.acts_for = {number(wallet): wallet for wallet in self.wallets}
        self._let_contract_wallet_in()
        self.traders = [number(wallet) << 96 | sub for wallet in self.wallets[:TRADERS] for sub in range(SUBS)]
        self.traders.append(number(self.contract_wallet.address) << 96)
        self.takers = [number(wallet) << 96 | sub for wallet in self.wallets[TRADERS:-LENDERS] for sub in range(3)]
        self.lenders = [number(wallet) << 96 for wallet in self.wallets[-LENDERS:]]
        self.all = [*self.traders, *self.takers, *self.lenders]

    def _let_contract_wallet_in(self) -> None:
        """Its key signs orders, by EIP-1271; an operator does the rest."""
        wallet, operator = number(self.contract_wallet.address), self.wallets[1]
        data = self.world.clearinghouse.approve_operator.prepare_calldata(operator, True)
        self.contract_wallet.execute(self.world.clearinghouse, data, sender=self.wallets[0])
        self.house.approve_operator(wallet, number(operator), True)
        self.key_of[wallet] = self.keys[0]
        self.acts_for[wallet] = operator

    # Who

    def anyone(self) -> str:
        """Any wallet, the stranger's included."""
        return self.rng.choice([*self.wallets, self.stranger])

    def caller_for(self, account: int) -> str:
        """Mostly the account's owner, now and then an operator or somebody with no right."""
        owner = account >> 96
        if self.rng.random() < 0.04:
            return self.anyone()
        operators = [
            wallet for wallet in self.wallets if self.house.operators[owner, number(wallet)] and number(wallet) != owner
        ]
        if operators and self.rng.random() < 0.2:
            return self.rng.choice(operators)
        return self.acts_for.get(owner, self.stranger)

    def account(self) -> int:
        """An account, seldom one of owner zero."""
        if self.rng.random() < 0.005:
            return self.rng.randint(0, 3)
        return self.rng.choice(self.rng.choice([self.traders, self.traders, self.traders, self.all]))

    def sighted(self) -> list[int]:
        """Accounts that a sighting now would find in breach."""
        return [account for account in self.all if self.assess(account).sighted]

    def in_breach(self) -> list[int]:
        """Accounts below their requirement."""
        return [account for account in self.all if self.assess(account).in_breach]

    def with_position(self, market: int) -> list[int]:
        """Accounts that have a position in a market."""
        return [account for account in self.all if self.holding(account, market).size]

    # What

    def assess(self, account: int) -> Assessment:
        """An account's assessment now."""
        return self.house.assess(account)

    def holding(self, account: int, market: int) -> Holding:
        """What an account has in a market."""
        return self.house.accounts[account].holdings.get(market, NO_HOLDING)

    def index(self, market: int) -> int:
        """A market's index, or 1.0 before its first price."""
        return self.world.model.engine.reading(market).index or WAD

    def market(self) -> int:
        """Mostly a market with frequent prices; seldom one that does not exist."""
        roll = self.rng.random()
        if roll < 0.003:
            return self.rng.choice([MARKETS, 63, 64, 2**255])
        return self.rng.randrange(MAIN - 1) if roll < 0.96 else self.rng.randrange(MARKETS)

    def units(self, wad: int, scale: int) -> int:
        """An amount of tokens near `wad`, now and then nothing, one unit, or beyond every bound."""
        roll = self.rng.random()
        if roll < 0.02:
            return self.rng.choice([0, 1, 10**33, 2**200])
        return max(0, wad) // scale

    def affordable(self, account: int, market: int) -> int:
        """A size for a trade of mostly a few times an account's equity, up to twenty, either way."""
        equity = abs(self.assess(account).equity) + WAD
        worth = equity * self.rng.randint(1, self.rng.choice([50, 300, 900, 2_000])) // 100
        size = worth * WAD // self.index(market)
        return size if self.rng.random() < 0.5 else -size

    def reducing(self, account: int, market: int) -> int:
        """A size that takes an account's position back by a part, or whole."""
        size = self.holding(account, market).size
        if self.rng.random() < 0.4:
            return -size
        return -size * self.rng.randint(1, 1_100) // 1_000

    def near(self, market: int, spread: float = 0.01) -> int:
        """A price near the index, seldom outside the band."""
        off = self.rng.uniform(-spread, spread) if self.rng.random() < 0.95 else self.rng.uniform(-0.2, 0.2)
        return max(0, int(self.index(market) * (1 + off)))
