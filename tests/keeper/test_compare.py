from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from eth_abi.abi import decode, encode
from structlog.testing import capture_logs

from keeper.book.exact import Exact
from keeper.chain.events import changes_of
from keeper.chain.types import LinkError, RpcError
from keeper.config.schema import BookSection
from keeper.execution.calls import selector
from keeper.model.requirement import Holding
from keeper.run.compare import _VIEWS, MOST, Comparison
from scripts._deployment import kept
from tests.keeper.books import NOW, ORACLE, WAD, changed, mirror_of, random_holdings, set_up

LENS = "0x" + "1e" * 20
ACCOUNTS = [account << 96 for account in range(1, 41)]


def book(seed: int = 1) -> Exact:
    rng = random.Random(seed)
    events = [changed(account, rng.randint(-(10**24), 10**24), random_holdings(rng, 2)) for account in ACCOUNTS]
    return Exact(mirror_of(*set_up({0: 2_000 * WAD, 1: 50_000 * WAD}), *events), ORACLE, NOW)


class Lens:
    """Answers like the contract of a chain whose state is what `truth` says."""

    def __init__(self, truth: Exact) -> None:
        self.truth = truth
        self.asked: list[list[int]] = []
        self.blocks: list[Any] = []
        self.error: Exception | None = None
        self.answer: str | None = None

    async def call(self, method: str, params: list[Any]) -> Any:
        assert method == "eth_call"
        request, block = params
        assert request["to"] == LENS
        data = bytes.fromhex(request["data"][2:])
        assert data[:4] == selector("accounts(uint256[])")
        (accounts,) = decode(["uint256[]"], data[4:])
        self.asked.append(list(accounts))
        self.blocks.append(block)
        if self.error is not None:
            raise self.error
        views = [self._view(account) for account in accounts]
        return self.answer or "0x" + encode([_VIEWS], [views]).hex()

    def _view(self, account: int) -> tuple[Any, ...]:
        held = [(market, h.spot, h.size, h.cost, 0, 0, 0, 0, 0) for market, h in self.truth.holdings(account).items()]
        cash, seen = self.truth.cash(account), self.truth.appraise(account)
        return account, "0x" + "00" * 20, cash, tuple(seen), 0, 0, 0, 0, held


def comparison(lens: Lens, **fields: int) -> Comparison:
    deployment = SimpleNamespace(contracts={"Lens": SimpleNamespace(address=LENS)})
    return Comparison(lens, deployment, BookSection(**{"compare": 4, "compare_blocks": 1, **fields}))  # type: ignore[arg-type]


def later(exact: Exact) -> Exact:
    mirror = exact.mirror
    mirror.apply(mirror.number + 1, f"0x{mirror.number + 1}", NOW, 0, [])
    return Exact(mirror, ORACLE, NOW)


def spoil(exact: Exact, account: int) -> None:
    """What the keeper would have if it had missed an event."""
    exact.mirror.book.apply(changes_of([changed(account, 7, {0: Holding(0, 5 * WAD, 10**22)})]))


def test_lens__views__laid_out_as_the_decoder_takes_them() -> None:
    (output,) = next(e for e in kept.made("Lens").abi if e.get("name") == "accounts")["outputs"]

    def kind(part: dict[str, Any]) -> str:
        inner = ",".join(kind(component) for component in part.get("components", []))
        return part["type"].replace("tuple", f"({inner})")

    assert kind(output) == _VIEWS


def test_one_round__all_agree__turns_through_all_accounts_at_the_blocks_hash() -> None:
    exact = book()
    lens = Lens(book())
    compared = comparison(lens)

    async def act() -> None:
        nonlocal exact
        for _ in range(11):
            await compared.one_round(exact)
            exact = later(exact)

    with capture_logs() as logs:
        asyncio.run(act())
    assert {account for asked in lens.asked for account in asked} == {*ACCOUNTS, 0x7A017 << 96}
    assert {len(asked) for asked in lens.asked} == {4}
    assert lens.blocks[:2] == [{"blockHash": "0x01"}, {"blockHash": "0x2"}]
    assert compared.different == {}
    assert logs == []


@pytest.mark.parametrize(("fields", "calls"), [({"compare_blocks": 3}, 3), ({"compare": 0}, 0), ({}, 8)])
def test_one_round__as_often_as_configured__no_more_calls(fields: dict[str, int], calls: int) -> None:
    exact, lens = book(), Lens(book())
    compared = comparison(lens, **fields)

    async def act() -> None:
        nonlocal exact
        for _ in range(8):
            await compared.one_round(exact)
            await compared.read(exact, [])
            exact = later(exact)

    asyncio.run(act())
    assert len(lens.asked) == calls


def test_one_round__word_missed__account_is_read_from_the_chain_and_nobody_else() -> None:
    exact, lens = book(), Lens(book())
    victim = ACCOUNTS[2]
    spoil(exact, victim)
    compared = comparison(lens, compare=32)

    async def act() -> Exact:
        with capture_logs() as logs:
            await compared.one_round(exact)
        assert [entry["log_level"] for entry in logs] == ["error"]
        assert logs[0]["account"] == hex(victim)
        assert "cash is" in compared.different[victim]
        after = later(exact)
        await compared.read(after, [])
        return after

    after = asyncio.run(act())
    assert lens.asked[-1] == [victim]
    assert list(compared.different) == list(after.told) == [victim]
    truth = lens.truth
    assert after.assess(victim) == truth.assess(victim)
    assert (after.cash(victim), after.holdings(victim)) == (truth.cash(victim), truth.holdings(victim))
    assert after.maps(victim) == truth.maps(victim)


def test_read__the_book_is_right_again__released() -> None:
    exact, lens = book(), Lens(book())
    victim = ACCOUNTS[2]
    undo = exact.mirror.book.apply(changes_of([changed(victim, 7, {})]))
    compared = comparison(lens, compare=32)

    async def act() -> None:
        await compared.one_round(exact)
        assert list(compared.different) == [victim]
        exact.mirror.book.undo(undo)
        after = later(exact)
        with capture_logs() as logs:
            await compared.read(after, [])
        assert [entry["event"] for entry in logs] == ["an account agrees with the contract again"]
        assert after.told == {}

    asyncio.run(act())
    assert compared.different == {}


def test_read__account_that_cannot_be_computed__served_by_what_the_chain_says() -> None:
    exact, lens = book(), Lens(book())
    victim = ACCOUNTS[5]
    broken: Callable[..., Any] = exact.appraise

    def appraise(account: int) -> Any:
        if account == victim:
            raise ValueError("no such market")
        return broken(account)

    exact.appraise = appraise  # type: ignore[method-assign]
    asyncio.run(comparison(lens).read(exact, [victim]))
    assert exact.assess(victim) == lens.truth.assess(victim)


def test_read__more_accounts_than_a_call_holds__in_turn() -> None:
    exact, lens = book(), Lens(book())
    compared = comparison(lens)
    asyncio.run(compared.read(exact, ACCOUNTS))
    asyncio.run(compared.read(exact, ACCOUNTS))
    assert [len(asked) for asked in lens.asked] == [MOST, MOST]
    assert {account for asked in lens.asked for account in asked} == set(ACCOUNTS)


@pytest.mark.parametrize(
    "failure", [LinkError("gone"), RpcError("eth_call", -32000, "unknown block"), "0x", "0x1234", None]
)
def test_one_round__lens_does_not_answer__said_and_nothing_is_concluded(failure: Any) -> None:
    exact, lens = book(), Lens(book())
    compared = comparison(lens)
    if isinstance(failure, Exception):
        lens.error = failure
    elif failure is None:
        lens.answer = "0x" + "ff" * 64
    else:
        lens.answer = failure
    with capture_logs() as logs:
        asyncio.run(compared.one_round(exact))
    assert [entry["log_level"] for entry in logs] == ["warning"]
    assert compared.different == {}


def test_comparison__deployment_without_a_lens__off_and_said() -> None:
    deployment = SimpleNamespace(contracts={})
    lens = Lens(book())
    with capture_logs() as logs:
        compared = Comparison(lens, deployment, BookSection())  # type: ignore[arg-type]
    asyncio.run(compared.one_round(book()))
    asyncio.run(compared.read(book(), ACCOUNTS))
    assert "no Lens" in logs[0]["event"]
    assert lens.asked == []
