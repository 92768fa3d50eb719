"""account.vy: words of an account, and its market maps."""

from __future__ import annotations

import secrets
from random import Random

import boa
import pytest

FACE = """
from contracts.modules import account

@external
@pure
def owner_of(account_: uint256) -> address:
    return account.owner_of(account_)

@external
@pure
def principal_of(word: uint256) -> int256:
    return account.principal_of(word)

@external
@pure
def spots_of(word: uint256) -> uint256:
    return account.spots_of(word)

@external
@pure
def pack_header(principal: int256, spots: uint256, perps: uint256) -> uint256:
    return account.pack_header(principal, spots, perps)

@external
@pure
def unpack_position(word: uint256) -> (int256, int256):
    return account.unpack_position(word)

@external
@pure
def pack_position(size: int256, cost: int256) -> uint256:
    return account.pack_position(size, cost)

@external
@pure
def lowest(map: uint256) -> uint256:
    return account.lowest(map)

@external
@pure
def count(map: uint256) -> uint256:
    return account.count(map)
"""
LOW, HIGH = -(2**127), 2**127 - 1
FULL = 2**64 - 1
EDGES = [LOW, LOW + 1, -1, 0, 1, HIGH - 1, HIGH]


@pytest.fixture(scope="module")
def face():
    return boa.loads(FACE)


@pytest.fixture
def random():
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    return Random(seed)


@pytest.mark.parametrize("principal", EDGES)
@pytest.mark.parametrize(("spots", "perps"), [(0, 0), (FULL, 0), (0, FULL), (FULL, FULL), (5, 2**63)])
def test_pack_header__unpacked__is_what_it_was(face, principal, spots, perps):
    word = face.pack_header(principal, spots, perps)
    assert word == principal % 2**128 | spots << 128 | perps << 192
    assert (face.principal_of(word), face.spots_of(word), word >> 192) == (principal, spots, perps)


@pytest.mark.parametrize("principal", [LOW - 1, HIGH + 1, -(2**255), 2**255 - 1])
def test_pack_header__principal_of_129_bits__reverts(face, principal):
    with boa.reverts("account: principal out of range"):
        face.pack_header(principal, 0, 0)


@pytest.mark.parametrize(("spots", "perps"), [(FULL + 1, 0), (0, FULL + 1), (2**255, 1)])
def test_pack_header__market_64__reverts(face, spots, perps):
    with boa.reverts("account: market out of range"):
        face.pack_header(0, spots, perps)


@pytest.mark.parametrize("size", EDGES)
@pytest.mark.parametrize("cost", EDGES)
def test_pack_position__unpacked__is_what_it_was(face, size, cost):
    word = face.pack_position(size, cost)
    assert word == size % 2**128 | cost % 2**128 << 128
    assert face.unpack_position(word) == (size, cost)


@pytest.mark.parametrize("number", [LOW - 1, HIGH + 1, -(2**255), 2**255 - 1])
def test_pack_position__number_of_129_bits__reverts(face, number):
    with boa.reverts("account: size out of range"):
        face.pack_position(number, 0)
    with boa.reverts("account: cost out of range"):
        face.pack_position(0, number)


@pytest.mark.parametrize("market", range(64))
def test_lowest__of_a_market_and_higher_ones__is_the_market(face, random, market):
    above = random.getrandbits(64) >> market << market
    assert face.lowest(1 << market) == market
    assert face.lowest(1 << market | above) == market


def test_count__is_the_number_of_bits(face, random):
    maps = [0, 1, FULL, 2**63] + [random.getrandbits(64) for _ in range(50)]
    assert [face.count(each) for each in maps] == [each.bit_count() for each in maps]


def test_owner_of__is_the_high_part_of_the_id(face):
    owner = 0x00112233445566778899AABBCCDDEEFF00112233
    assert int(face.owner_of(owner << 96 | 2**96 - 1), 16) == owner
    assert int(face.owner_of(2**96 - 1), 16) == 0
