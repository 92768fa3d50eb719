"""Reports: entries and payload as laid out, and the digest that a signer signs."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from eth_account import Account
from eth_utils.crypto import keccak

from keeper.publish.reports import MAX_ENTRIES, Entry, encode_payload, encode_price, report_hash, sign_report

WAD = 10**18
ENGINE = "0x00000000000000000000000000000000000000AA"
SIGNER = Account.from_key(b"\x11" * 32)


@pytest.mark.parametrize(
    ("price", "mantissa", "exponent"),
    [(10**9, 10**9, 0), (2**48 - 1, 2**48 - 1, 0), (2**48 + 1, 2**47, 1), (10**27, 10**27 >> 42, 42)],
)
def test_encode_price__is_the_smallest_exponent_with_low_bits_dropped(price, mantissa, exponent):
    assert encode_price(price) == (mantissa, exponent)


@pytest.mark.parametrize("price", [-1, 0, 10**9 - 1, 10**27 + 1])
def test_encode_price__out_of_bounds__is_refused_by_name(price):
    with pytest.raises(ValueError, match=f"price: {price} is not within"):
        encode_price(price)


def test_encode_payload__is_32_bytes_an_entry_each_field_in_its_bits():
    payload = encode_payload([Entry(63, 10**9, 2**16 - 1, -1), Entry(1, 2**48, 5, 7)])
    first, second = (int.from_bytes(payload[start : start + 32], "big") for start in (0, 32))
    assert len(payload) == 64
    assert first == 10**9 | (2**16 - 1) << 54 | (2**20 - 1) << 70 | 63 << 90
    assert second == 2**47 | 1 << 48 | 5 << 54 | 7 << 70 | 1 << 90


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (Entry(256, WAD), "market: 256"),
        (Entry(-1, WAD), "market: -1"),
        (Entry(0, WAD, 2**16), "confidence: 65536"),
        (Entry(0, WAD, -1), "confidence: -1"),
        (Entry(0, WAD, 0, 2**19), "basis: 524288"),
        (Entry(0, WAD, 0, -(2**19) - 1), "basis: -524289"),
    ],
)
def test_encode_payload__field_that_does_not_fit__is_refused_by_name(entry, message):
    with pytest.raises(ValueError, match=message):
        encode_payload([entry])


@pytest.mark.parametrize("count", [0, MAX_ENTRIES + 1])
def test_encode_payload__no_entry_or_too_many__is_refused(count):
    with pytest.raises(ValueError, match=f"entries: {count} is not within 1..64"):
        encode_payload([Entry(0, WAD)] * count)


def test_sign_report__signs_the_typed_data_of_the_domain():
    entries = [Entry(2, 100 * WAD, 3, -4)]
    round_, payload, signature = sign_report(entries, 900_000_000, 31_337, ENGINE, SIGNER.key)
    domain = keccak(
        encode(
            ["bytes32", "bytes32", "bytes32", "uint256", "address"],
            [
                keccak(text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak(text="Plimsoll"),
                keccak(text="1"),
                31_337,
                ENGINE,
            ],
        )
    )
    report = keccak(
        encode(
            ["bytes32", "uint64", "bytes32"],
            [keccak(text="Report(uint64 round,bytes payload)"), 900_000_000, keccak(payload)],
        )
    )
    digest = keccak(b"\x19\x01" + domain + report)
    assert (round_, payload) == (900_000_000, encode_payload(entries))
    assert report_hash(round_, payload, 31_337, ENGINE) == digest
    assert signature[64] in (27, 28)
    assert Account._recover_hash(digest, signature=signature) == SIGNER.address
