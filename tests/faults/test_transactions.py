"""Transactions lost, stuck, replaced or outrun, and blocks taken back: nothing twice, nobody forgotten."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from eth_account.typed_transactions import TypedTransaction
from hexbytes import HexBytes

from keeper.cli.common import account_of
from tests.e2e.anvil import Anvil
from tests.e2e.process import command
from tests.e2e.world import ETH, World
from tests.faults.crowd import FALL, LOWEST, Run, assert_served, crowd
from tests.faults.proxy import Fault, FaultProxy

GWEI = 10**9


def pool(run: Run) -> list[dict[str, str]]:
    """The keeper's transactions that wait."""
    found = run.chain.call("txpool_content")["pending"]
    mine = found.get(run.world.taker.address) or found.get(run.world.taker.address.lower()) or {}
    return [mine[nonce] for nonce in sorted(mine, key=int)]


def drop_all(run: Run) -> int:
    waiting = pool(run)
    run.chain.call("anvil_dropAllTransactions")
    return len(waiting)


def drop_first(run: Run) -> int:
    """The oldest of several that wait: those after it have a nonce too high."""
    waiting = pool(run)
    if waiting:
        run.chain.call("anvil_dropTransaction", waiting[0]["hash"])
    return len(waiting)


def replace_first(run: Run) -> int:
    """Another wallet of the same key uses the nonce of what waits."""
    waiting = pool(run)
    if not waiting:
        return 0
    run.chain.call(
        "eth_sendTransaction",
        {
            "from": run.world.taker.address,
            "to": run.world.taker.address,
            "nonce": waiting[0]["nonce"],
            "gas": "0x5208",
            "maxFeePerGas": hex(200 * GWEI),
            "maxPriorityFeePerGas": hex(150 * GWEI),
        },
    )
    return 1


def poor(run: Run) -> int:
    run.chain.call("anvil_setBalance", run.world.taker.address, "0x0")
    return 1


def rich(run: Run) -> None:
    run.chain.call("anvil_setBalance", run.world.taker.address, hex(10**22))


def outrun(run: Run) -> int:
    """A rival takes whole accounts, at a fee that goes first."""
    under = run.unserved()[:3]
    lots = [(account, 10**18, 2**255 - 1, 0, 0, 2**64 - 1, 2**256 - 1) for account in under]
    if lots:
        bid = run.world.contracts["Auction"].functions.bid(run.world.account(run.world.rival), lots)
        fees = {"maxFeePerGas": 90 * GWEI, "maxPriorityFeePerGas": 20 * GWEI}
        bid.transact({"from": run.world.rival.address, "gas": 6_000_000, **fees})
    return len(lots)


@dataclass(frozen=True)
class Case:
    """What happens to transactions after the keeper has handled a block, at some of the blocks at the lowest price."""

    name: str
    act: Callable[[Run], int]
    blocks: int = 6
    restore: Callable[[Run], None] = lambda run: None


CASES = [
    Case("dropped", drop_all),
    Case("first of several dropped", drop_first, blocks=8),
    Case("replaced by another wallet", replace_first, blocks=4),
    Case("balance gone", poor, blocks=5, restore=rich),
    Case("rival takes first", outrun, blocks=4),
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_transactions__do_not_arrive__all_served_and_nothing_twice(
    world: World, first: FaultProxy, tmp_path: Path, case: Case
) -> None:
    run = Run(world, tmp_path, [first.socket], "[fees]\nmax_fee_gwei = 300\n")
    struck = 0
    with run.keeper() as keeper:
        keeper.started()
        for _ in run.fall(keeper):
            struck += case.act(run) if run.unserved() else 0
        for _ in range(case.blocks):
            struck += case.act(run)
            run.tick(LOWEST, keeper)
        case.restore(run)
        run.to_the_end(keeper)
        assert keeper.stop() == 0
    assert struck > 0, "the fault never struck"
    ended = run.ended()
    own = [hash_ for hash_ in ended.unjournaled if case.act is not replace_first or not _is_transfer(run, hash_)]
    ended.unjournaled[:] = own
    assert_served(run, ended)


def _is_transfer(run: Run, hash_: str) -> bool:
    """The other wallet's."""
    return bool(run.chain.call("eth_getTransactionByHash", hash_)["input"] == "0x")


def test_transactions__swallowed_by_the_endpoint__sent_again(world: World, first: FaultProxy, tmp_path: Path) -> None:
    """It says that it took them, and nobody ever sees them."""
    run = Run(world, tmp_path, [first.socket])

    def swallow(request: dict[str, object]) -> dict[str, object]:
        return {"result": "0x" + "11" * 32}

    with run.keeper() as keeper:
        keeper.started()
        first.add(Fault("swallowed", methods=("eth_sendRawTransaction",), times=5, before=swallow))
        for _ in run.fall(keeper):
            pass
        run.to_the_end(keeper)
        assert keeper.stop() == 0
    assert first.struck["swallowed"] == 5
    assert_served(run, run.ended())


ACCEPTED = {"result": "0x" + "11" * 32}


def test_transactions__stuck_under_priced__replaced_until_they_are_mined(
    world: World, first: FaultProxy, tmp_path: Path
) -> None:
    """No block has those that pay less than a half more than the first of their nonce, though all are taken."""
    run = Run(world, tmp_path, [first.socket], "[fees]\nmax_fee_gwei = 30\nreplace_after_blocks = 1\n")
    firsts: dict[int, int] = {}

    def too_cheap(request: dict[str, list[str]]) -> dict[str, str] | None:
        fields = TypedTransaction.from_bytes(HexBytes(request["params"][0])).as_dict()
        fee = fields["maxFeePerGas"]
        return ACCEPTED if 2 * fee < 3 * firsts.setdefault(fields["nonce"], fee) else None

    with run.keeper() as keeper:
        keeper.started()
        first.add(Fault("cheap", methods=("eth_sendRawTransaction",), before=too_cheap))
        for _ in run.fall(keeper):
            pass
        run.to_the_end(keeper)
        assert keeper.stop() == 0
    assert first.struck["cheap"] >= 5, "nothing was stuck"
    assert_served(run, run.ended())


def test_nonce__said_to_be_used_by_one_endpoint__what_waits_is_not_given_up(
    world: World, first: FaultProxy, second: FaultProxy, tmp_path: Path
) -> None:
    """Transactions wait where the endpoints do not see them, and are mined in the end: till then they bind margin."""
    run = Run(world, tmp_path, [first.socket, second.socket], "[fees]\nreplace_after_blocks = 1\n")
    waiting: list[str] = []

    def hold(request: dict[str, list[str]]) -> dict[str, str]:
        waiting.append(request["params"][0])
        return ACCEPTED

    def more(_: object, reply: dict[str, str]) -> dict[str, str]:
        return {**reply, "result": hex(int(reply["result"], 16) + 1)}

    with run.keeper() as keeper:
        keeper.started()
        for proxy in (first, second):
            proxy.add(Fault("held", methods=("eth_sendRawTransaction",), before=hold))
        first.add(Fault("ahead", methods=("eth_getTransactionCount",), change=more))
        for _ in run.fall(keeper):
            pass
        first.clear()
        second.clear()
        for raw in dict.fromkeys(waiting):
            run.chain.post("eth_sendRawTransaction", raw)
        run.to_the_end(keeper)
        assert keeper.stop() == 0
    assert waiting, "nothing waited"
    assert first.struck["ahead"] > 0, "the fault never struck"
    assert_served(run, run.ended())


def taken_back(run: Run, depth: int) -> None:
    """The blocks come anew without what was in them, and with other prices; the keeper is there all the while."""
    with run.keeper() as keeper:
        keeper.started()
        for _ in range(max(0, depth + 4 - 2 * len(FALL))):
            run.tick(2_000.0, keeper)
        for _ in run.fall(keeper):
            pass
        before = run.chain.head()
        run.chain.call("anvil_reorg", depth, [])
        run.chain.call("anvil_dropAllTransactions")
        assert run.chain.block(hex(before["number"]))["hash"] != before["hash"]
        # Somewhat higher than before: who was sighted in what is gone may not be under the line now.
        run.tick(1_875.0, keeper)
        keeper.wait_for("rolled back")
        run.tick(LOWEST, keeper)
        run.to_the_end(keeper)
        assert keeper.stop() == 0
    assert_served(run, run.ended())
    assert_book_is_the_chains(run)


@pytest.mark.parametrize("depth", [1, 5])
def test_reorg__with_other_content__book_follows_and_all_are_served(
    world: World, first: FaultProxy, tmp_path: Path, depth: int
) -> None:
    taken_back(Run(world, tmp_path, [first.socket]), depth)


def test_reorg__of_twenty_blocks__book_follows_and_all_are_served(tmp_path: Path) -> None:
    """On a chain that was never set back: this node forgets states of so long ago when it is."""
    with Anvil() as node, FaultProxy(node.port) as proxy:
        taken_back(Run(crowd(node), tmp_path, [proxy.socket]), 20)


def assert_book_is_the_chains(run: Run) -> None:
    """The keeper's own account of everybody, at the newest block, is what the contracts say."""
    told = command("scan", "--all", "--json", "--config", str(run.config))
    assert told.returncode == 0, told.stderr
    for row in json.loads(told.stdout)["rows"]:
        equity, requirement = run.world.assess(account_of(row["account"]))[:2]
        assert (row["equity"], row["requirement"]) == (equity / 10**18, requirement / 10**18), row["account"]


def test_nonce__another_wallet_was_first__keeper_goes_on_from_the_chains(
    world: World, first: FaultProxy, tmp_path: Path
) -> None:
    """Transactions of the same key that the keeper never made use up nonces before it sends its first."""
    run = Run(world, tmp_path, [first.socket])
    with run.keeper() as keeper:
        keeper.started()
        _use_nonces(run, 2)
        for _ in run.fall(keeper):
            pass
        run.to_the_end(keeper)
        assert keeper.stop() == 0
    ended = run.ended()
    assert len(ended.unjournaled) == 2
    ended.unjournaled.clear()
    assert_served(run, ended)
    assert run.world.size(run.accounts[0], ETH) < 10**18


def _use_nonces(run: Run, count: int) -> None:
    address = run.world.taker.address
    for _ in range(count):
        run.chain.call("eth_sendTransaction", {"from": address, "to": address, "gas": "0x5208"})
    run.tick(2_000.0)
