"""Endpoints that fail in every way they have: the end is that of a run without faults, and the faults did strike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.process import KeeperProcess, until
from tests.e2e.world import World
from tests.faults.crowd import BREACHES, FALL, Run, assert_served
from tests.faults.proxy import Fault, FaultProxy

READS = ("eth_getLogs", "eth_call", "eth_getBlockByHash", "eth_getBlockByNumber", "eth_getTransactionCount")


def without_last_log(_: Any, reply: Any) -> Any:
    logs = reply.get("result") or []
    return {**reply, "result": logs[:-1]}


def without_logs(_: Any, reply: Any) -> Any:
    return {**reply, "result": []} if isinstance(reply.get("result"), list) else reply


def zeros(_: Any, reply: Any) -> Any:
    logs = reply.get("result")
    if not isinstance(logs, list) or not logs:
        return reply
    changed = [{**log, "data": "0x" + "0" * (len(log["data"]) - 2)} for log in logs]
    return {**reply, "result": changed}


def garbage(_: Any, reply: Any) -> Any:
    return {"raw": "<html>502 Bad Gateway</html>"}


def nothing(_: Any, reply: Any) -> Any:
    return {**reply, "result": None}


Act = Callable[[FaultProxy], None]


@dataclass(frozen=True)
class Case:
    """A fault of the first endpoint, begun at a step of the fall and ended, or not, at a later one."""

    name: str
    begin: Act
    counted: str
    sockets: bool = True
    alone: bool = False
    """There is no second endpoint."""
    begin_at: int = 1
    end_at: int | None = 4
    again: bool = False
    """Done anew at each step in between."""
    unheard: bool = False
    """Nothing gets through meanwhile, so no head can be waited for."""


def adding(**fields: Any) -> Act:
    return lambda proxy: proxy.add(Fault(**fields))


def setting(name: str, value: Any) -> Act:
    return lambda proxy: setattr(proxy, name, value)


CASES = [
    Case("dead", FaultProxy.down, "down", end_at=None),
    Case("dead for a while, alone", FaultProxy.down, "down", alone=True, unheard=True),
    Case("dead over http", FaultProxy.down, "down", sockets=False, end_at=None),
    Case("slow", adding(name="slow", delay=0.6), "slow", end_at=None),
    Case("slower than it may be, alone", adding(name="slow", delay=2.0), "slow", alone=True, unheard=True),
    Case("five blocks behind", setting("lag", 5), "lag", end_at=None),
    Case("five blocks behind over http", setting("lag", 5), "lag", sockets=False, end_at=None),
    Case("answers with errors", adding(name="error", error="internal error", methods=READS), "error", end_at=None),
    Case("errors for a while, alone", adding(name="error", error="busy"), "error", alone=True, unheard=True),
    Case("refuses to send", adding(name="error", error="rate limited", methods=("eth_sendRawTransaction",)), "error"),
    Case("answers with a web page", adding(name="page", change=garbage), "page", end_at=None),
    Case("closes sockets cleanly", lambda proxy: proxy.cut(clean=True), "cut", alone=True, again=True),
    Case("sockets are cut", lambda proxy: proxy.cut(clean=False), "cut", alone=True, again=True),
    Case("deaf socket", setting("deaf", True), "deaf", end_at=None),
    Case("deaf socket for a while, alone", setting("deaf", True), "deaf", alone=True),
    Case("heads twice and late", setting("doubled", True), "doubled", alone=True, end_at=None),
    Case("a log missing", adding(name="lie", methods=("eth_getLogs",), change=without_last_log), "lie", end_at=None),
    Case("all logs missing", adding(name="lie", methods=("eth_getLogs",), change=without_logs), "lie", end_at=None),
    Case("logs changed", adding(name="lie", methods=("eth_getLogs",), change=zeros), "lie", end_at=None),
    Case("receipts lost", adding(name="lie", methods=("eth_getTransactionReceipt",), change=nothing), "lie"),
]


def go_through(run: Run, keeper: KeeperProcess, case: Case, proxy: FaultProxy) -> None:
    end = case.end_at if case.end_at is not None else len(FALL)
    for step, price in enumerate(FALL):
        if step == case.begin_at or (case.again and case.begin_at < step < end):
            case.begin(proxy)
        if step == end:
            if case.unheard:
                # Steps that wait for no head may all be over before the keeper has asked for anything.
                until(lambda: proxy.struck[case.counted] > 0, "the fault strikes")
            proxy.clear()
        for _ in range(2):
            run.tick(price, None if case.unheard and case.begin_at <= step < end else keeper)
    run.to_the_end(keeper)


@pytest.fixture(scope="module")
def undisturbed(prepared: World, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The same fall without faults."""
    state = prepared.chain.call("evm_snapshot")
    with FaultProxy(prepared.chain.port) as proxy:
        run = Run(prepared, tmp_path_factory.mktemp("undisturbed"), [proxy.socket])
        with run.keeper() as keeper:
            keeper.started()
            for _ in run.fall(keeper):
                pass
            run.to_the_end(keeper)
            assert keeper.stop() == 0
        ended = run.ended()
        assert_served(run, ended)
        assert proxy.struck.total() == 0
    prepared.chain.call("anvil_dropAllTransactions")
    assert prepared.chain.call("evm_revert", state)
    return ended


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_endpoint__misbehaves__end_is_that_of_a_run_without_faults(
    undisturbed: Any, world: World, first: FaultProxy, second: FaultProxy, tmp_path: Path, case: Case
) -> None:
    proxies = [first] if case.alone else [first, second]
    run = Run(world, tmp_path, [proxy.socket if case.sockets else proxy.http for proxy in proxies])
    with run.keeper() as keeper:
        keeper.started()
        go_through(run, keeper, case, first)
        first.clear()
        assert keeper.stop() == 0
    assert first.struck[case.counted] > 0, f"the fault never struck: {first.struck}"
    ended = run.ended()
    assert_served(run, ended)
    assert len(undisturbed.sold) >= BREACHES
    assert (ended.sighted, ended.sold) == (undisturbed.sighted, undisturbed.sold)
