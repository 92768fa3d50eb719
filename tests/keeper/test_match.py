from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from eth_account import Account
from structlog.testing import capture_logs

from keeper.book.exact import Exact
from keeper.chain.events import SettingsSet
from keeper.chain.types import LinkError
from keeper.config.schema import FeesSection, MatchSection
from keeper.decide.match import TRIED, Signed, fill_gas, match_gas, match_of, side_of
from keeper.execution.calls import lowest_nonce_call, maker_fee_call, slot_call
from keeper.model.auction import BPS_TO_WAD
from keeper.model.orders import Order, Slot, tag_of
from keeper.model.requirement import Holding
from keeper.model.words import Settings
from keeper.orders import FOREVER, order_hash, sign_order
from keeper.run.resting import Resting, Sources, orders_in
from tests.keeper.books import NOW, TERMS, WAD, changed, exact_of, running, set_up

KEY = "0x" + "11" * 32
OWNER = int(Account.from_key(KEY).address, 16)
VICTIM, MAKER, POOR = 1 << 96, OWNER << 96, OWNER << 96 | 1
LONG = {0: Holding(0, WAD, 2_000 * WAD)}
"""One unit long at the price: MM is 120.48, IM 180.72."""
SETTINGS = Settings(kink=8_000, at_kink=60_000_000, at_full=1_000_000_000, reserve=1_000, band=500, max_fee=100)
FREE = FeesSection(native_price=Decimal(0))
CHAIN, EXCHANGE = 31_337, "0x" + "ee" * 20


def book(*more: Any, holdings: Any = None, age: int = 60, cash: int = 100) -> Exact:
    """A victim whose run is a minute old (λ is 35%), and a maker with cash."""
    return exact_of(
        *set_up({0: 2_000 * WAD, 1: 50_000 * WAD}),
        SettingsSet(SETTINGS.pack()),
        changed(VICTIM, cash * WAD, LONG if holdings is None else holdings),
        changed(MAKER, 100_000 * WAD, {}),
        changed(POOR, 10 * WAD, {}),
        running(VICTIM, age),
        *more,
    )


def bid(price: float = 1_995, size: float = 1, **fields: Any) -> Signed:
    """The maker buys: it takes what the victim is long."""
    order = {
        "account": MAKER,
        "market": 0,
        "size": int(size * WAD),
        "price": int(price * WAD),
        "max_fee": 10,
        "expiry": FOREVER,
        "nonce": 1,
    }
    made = Order(**order | fields)
    return Signed(made, sign_order(made, CHAIN, EXCHANGE, KEY), OWNER)


def match(exact: Exact, *orders: Signed, filled: Any = None, fees: FeesSection = FREE, **fields: Any) -> Any:
    return match_of(exact, VICTIM, orders, filled or {}, MatchSection(**fields), fees)


def after(exact: Exact, found: Any) -> Any:
    """The victim as the contracts would have it after the fills."""
    side = side_of(exact, VICTIM)
    quote = exact.quote(VICTIM)
    for signed, amount in found.fills:
        order = signed.order
        traded = side.traded(exact, order.market, -amount if order.size > 0 else amount, order.price)
        side = traded.paid(exact, quote.penalty * (side.seen.mm - traded.seen.mm) // WAD)
    return side.seen


def test_match_of__order_larger_than_the_rule_allows__just_below_the_target() -> None:
    exact = book()
    found = match(exact, bid())
    ((signed, amount),) = found.fills
    assert signed.order.price == 1_995 * WAD
    seen = after(exact, found)
    target = TERMS.target * BPS_TO_WAD
    assert seen.mm * target * 90 // 100 < seen.equity * WAD <= seen.mm * target
    assert 0 < amount < WAD
    assert found.released == exact.assess(VICTIM).mm - seen.mm


def test_match_of__several_orders__the_best_price_for_the_account_first() -> None:
    found = match(book(), bid(1_990, 0.1, nonce=1), bid(1_999, 0.1, nonce=2), bid(1_995, 0.1, nonce=3))
    assert [signed.order.nonce for signed, _ in found.fills] == [2, 3, 1]
    assert [amount for _, amount in found.fills] == [WAD // 10] * 3


def test_match_of__short_account__orders_that_sell_the_cheapest_first() -> None:
    exact = book(holdings={0: Holding(0, -WAD, -2_000 * WAD)})
    found = match(exact, bid(2_005, -0.1, nonce=1), bid(2_001, -0.1, nonce=2), bid(1_999, 0.1, nonce=3))
    assert [signed.order.nonce for signed, _ in found.fills] == [2, 1]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"size": -1}, "it would make the account longer"),
        ({"market": 1, "price": 50_000}, "the account holds nothing there"),
        ({"price": 1_899}, "outside the band"),
        ({"price": 1_905}, "dearer than λ"),
        ({"expiry": NOW}, "over when a block can have it"),
        ({"taker": 7 << 96}, "for somebody else"),
        ({"account": VICTIM}, "the account's own"),
        ({"account": POOR}, "its maker cannot bear it"),
        ({"account": 5 << 96}, "signed by somebody who may not trade for it"),
        ({"reduce_only": True}, "its maker has nothing to reduce"),
    ],
)
def test_match_of__order_that_the_auction_would_refuse__none(fields: dict[str, Any], why: str) -> None:
    assert match(book(age=10), bid()) is not None
    assert match(book(age=10), bid(**fields)) is None, why


def test_match_of__reduce_only_maker_that_is_short__as_much_as_it_has() -> None:
    exact = book(changed(MAKER, 100_000 * WAD, {0: Holding(0, -WAD // 5, -400 * WAD)}))
    ((_, amount),) = match(exact, bid(reduce_only=True)).fills
    assert amount == WAD // 5


def test_match_of__partly_filled__what_is_left() -> None:
    order = bid(size=0.3)
    ((_, amount),) = match(book(), order, filled={order.order: WAD // 5}).fills
    assert amount == WAD // 10
    assert match(book(), order, filled={order.order: 3 * WAD // 10}) is None


def test_match_of__dust__nothing_the_auction_would_count() -> None:
    assert match(book(), bid(size=0.001)) is None
    assert match(book(), bid(size=0.02)) is not None


def test_match_of__gas_dearer_than_allowed__none() -> None:
    fees = FeesSection(native_price=Decimal(3_000))
    assert match(book(), bid(), fees=fees, max_cost=Decimal(0)) is None
    found = match(book(), bid(), fees=fees, max_cost=Decimal(5))
    assert -5 * WAD < found.gain < 0
    assert found.gas == match_gas(1) + fill_gas(1, 0) <= fees.max_gas


def test_match_of__more_orders_than_fit__eight() -> None:
    found = match(book(), *(bid(1_999, 0.03, nonce=number) for number in range(20)))
    assert len(found.fills) == 8


def test_match_of__first_order_closes_the_position__a_second_one_finds_nothing() -> None:
    """A small account on its floor is bought out whole."""
    exact = book(holdings={0: Holding(0, WAD // 1_000, 2 * WAD)}, cash=1)
    found = match(exact, bid(1_999, nonce=1), bid(1_998, nonce=2))
    assert [(signed.order.nonce, amount) for signed, amount in found.fills] == [(1, WAD // 1_000)]


def test_match_of__the_same_order_or_its_slot_again__once() -> None:
    found = match(book(), bid(1_999, 0.1), bid(1_999, 0.1), bid(1_998, 0.1, nonce=257), bid(1_997, 0.1, nonce=2))
    assert [signed.order.nonce for signed, _ in found.fills] == [1, 2]


def test_match_of__many_orders_of_no_use_before_a_good_one__found_in_turn() -> None:
    junk = [bid(1_999, account=POOR, nonce=number) for number in range(TRIED)]
    assert match(book(), *junk[1:], bid(1_998)) is not None
    assert match(book(), *junk, bid(1_998)) is None
    assert match_of(book(), VICTIM, [*junk, bid(1_998)], {}, MatchSection(), FREE, TRIED) is not None


def test_turn__no_match__begins_later_and_again_from_the_first(tmp_path: Path) -> None:
    async def act() -> None:
        path = tmp_path / "orders.json"
        path.write_text(json.dumps({"orders": [entry(bid(nonce=number)) for number in range(5)]}))
        orders = resting(str(path))
        await read(orders)
        skipped = []
        for _ in range(4):
            skipped.append(orders.skip)
            orders.turn(2)
        assert skipped == [0, 2, 4, 0]

    asyncio.run(act())


def test_match_of__healthy_account__none() -> None:
    assert match(book(cash=500), bid()) is None


def entry(signed: Signed, **fields: Any) -> dict[str, Any]:
    order = {name: getattr(signed.order, name) for name in Order.__slots__}
    return {"order": order | fields, "signature": "0x" + signed.signature.hex()}


def test_orders_in__good_and_bad_ones__the_good_ones() -> None:
    told = [
        entry(bid(), size=hex(WAD), price=str(1_995 * WAD)),
        entry(bid(), size="much"),
        entry(bid(), market=64),
        {**entry(bid()), "signature": "0x12"},
        {**entry(bid()), "more": 1},
        7,
        entry(bid(), reduce_only="yes"),
        entry(bid(), size=1.5),
    ]
    with capture_logs() as said:
        assert orders_in(json.dumps({"orders": told}).encode(), "here", lambda *_: OWNER) == [bid()]
    assert said[0]["count"] == len(told) - 1


def test_orders_in__keys_without_end__a_short_word_of_it() -> None:
    told = {"orders": [{"order": {}, "x" * 10**6: 1, "signature": "0x"}, {"order": {"y" * 10**6: 1}}]}
    with capture_logs() as said:
        assert orders_in(json.dumps(told).encode(), "here", lambda *_: OWNER) == []
    assert len(said[0]["first"]) < 300


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"orders": 7}', b"\xff", json.dumps({"orders": [0] * 2_001})])
def test_orders_in__no_list_of_orders__refused(text: Any) -> None:
    with pytest.raises(ValueError):
        orders_in(text if isinstance(text, bytes) else text.encode(), "here", lambda *_: OWNER)


class Venue:
    """The Exchange's words, by call."""

    def __init__(self) -> None:
        self.words: dict[str, int] = {}
        self.calls = 0
        self.answer: Any = None

    async def call(self, method: str, params: list[Any]) -> Any:
        assert (method, params[0]["to"], params[1]) == ("eth_call", EXCHANGE, "latest")
        self.calls += 1
        return self.answer if self.answer is not None else f"0x{self.words.get(params[0]['data'], 0):064x}"


def resting(*sources: str, venue: Venue | None = None) -> Resting:
    return Resting(Sources(sources, CHAIN, EXCHANGE), 0.0, venue or Venue(), CHAIN, EXCHANGE)


async def read(orders: Resting) -> None:
    await orders.refresh()
    assert orders._reading is not None
    await orders._reading


def test_resting__a_file_that_changes_and_then_breaks__what_it_said_last(tmp_path: Path) -> None:
    async def act() -> None:
        path = tmp_path / "orders.json"
        orders = resting(str(path))
        await read(orders)
        assert orders.known == []
        path.write_text(json.dumps({"orders": [entry(bid())]}))
        await read(orders)
        assert orders.known == [bid()]
        path.write_text("{")
        await read(orders)
        assert orders.known == [bid()]
        path.write_text(json.dumps({"orders": []}))
        await read(orders)
        assert orders.known == []

    asyncio.run(act())


def test_resting__an_address__read_as_long_as_it_answers() -> None:
    async def act() -> None:
        answers = [web.json_response({"orders": [entry(bid())]}), web.Response(status=500), web.Response(text="<html>")]

        async def answer(_: web.Request) -> web.Response:
            return answers.pop(0)

        app = web.Application()
        app.router.add_get("/orders", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            port = runner.addresses[0][1]
            orders = resting(f"http://127.0.0.1:{port}/orders?key=secret")
            with capture_logs() as said:
                for _ in range(3):
                    await read(orders)
                    assert orders.known == [bid()]
        finally:
            await runner.cleanup()
        with capture_logs() as later:
            await read(orders)
        assert orders.known == [bid()]
        told = [str(entry["error"]) for entry in said + later]
        assert told == ["HTTP 500", "the answer: Invalid JSON: expected value at line 1 column 1", *told[2:]]
        assert len(told) == 3
        assert "secret" not in str(said + later)

    asyncio.run(act())


def test_check__fills_on_the_chain__known_then(tmp_path: Path) -> None:
    async def act() -> None:
        venue = Venue()
        order = bid()
        digest = int.from_bytes(order_hash(order.order, CHAIN, EXCHANGE), "big")
        slot = "0x" + slot_call(MAKER, 1).hex()
        orders = resting(venue=venue)
        assert not await orders.check([order])
        assert orders.filled == {order.order: 0}
        assert not await orders.check([order])
        assert venue.calls == 3, "asked once a head: fee, slot, lowest nonce"

        orders.at(2)
        venue.words[slot] = Slot(WAD // 4, 1, tag_of(digest)).pack()
        assert await orders.check([order])
        assert orders.filled == {order.order: WAD // 4}

        orders.at(3)
        venue.words["0x" + lowest_nonce_call(MAKER).hex()] = 2
        assert await orders.check([order])
        assert orders.filled == {order.order: WAD}, "cancelled: nothing of it is left"

    asyncio.run(act())


def test_check__fee_above_what_the_order_pays__of_no_use() -> None:
    async def act() -> None:
        venue = Venue()
        venue.words["0x" + maker_fee_call().hex()] = 11
        orders = resting(venue=venue)
        assert await orders.check([bid()])
        assert orders.filled == {bid().order: WAD}

    asyncio.run(act())


@pytest.mark.parametrize("answer", ["0x", "0xzz", 5, {}, [], "0x" + "00" * 40])
def test_check__answer_that_is_no_word__link_error(answer: Any) -> None:
    async def act() -> None:
        venue = Venue()
        venue.answer = answer
        with pytest.raises(LinkError, match="no word"):
            await resting(venue=venue).check([bid()])

    asyncio.run(act())


OF_ANOTHER = sign_order(bid(1_000).order, CHAIN, EXCHANGE, KEY)
GOOD = bid().signature
LOW_V = GOOD[:64] + bytes([GOOD[64] - 27])


@pytest.mark.parametrize("signature", [bytes(65), bytes([255]) * 65, LOW_V])
def test_resting__not_a_signature_as_the_exchange_takes_it__left_out(tmp_path: Path, signature: bytes) -> None:
    """And the order with its own signature stays what it is."""

    async def act() -> None:
        path = tmp_path / "orders.json"
        bad = Signed(bid().order, signature, 0)
        path.write_text(json.dumps({"orders": [entry(bad), entry(bid())]}))
        orders = resting(str(path))
        await read(orders)
        assert orders.known == [bid()]

    asyncio.run(act())


def test_match_of__signature_of_another_order__the_right_one_is_used(tmp_path: Path) -> None:
    async def act() -> None:
        path = tmp_path / "orders.json"
        path.write_text(json.dumps({"orders": [entry(Signed(bid().order, OF_ANOTHER, 0)), entry(bid())]}))
        orders = resting(str(path))
        await read(orders)
        found = match(book(), *orders.known)
        assert [signed for signed, _ in found.fills] == [bid()]

    asyncio.run(act())


def test_suspect__orders_of_a_refused_match__not_used_for_a_while(tmp_path: Path) -> None:
    async def act() -> None:
        path = tmp_path / "orders.json"
        path.write_text(json.dumps({"orders": [entry(bid()), entry(bid(nonce=2))]}))
        orders = resting(str(path))
        await read(orders)
        orders.suspect([bid().order], 10)
        assert orders.at(9) == [bid(nonce=2)]
        assert orders.at(10) == [bid(), bid(nonce=2)]

    asyncio.run(act())
