"""Modules whose packing is broken: the symbolic run of their bytecode must find a word for which a statement fails."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant

BYTECODE = "tests/proofs/test_bytecode.py::test_bytecode__whatever_the_words__holds"

MUTANTS = [
    Mutant(
        name="header-principal-over-the-maps",
        sentence="2: Per account one header word (cash principal int128, see 6; two 64-bit maps",
        edits=(
            Edit(
                file="modules/account.vy",
                old="(spots << 128) | (convert(convert(principal, bytes32), uint256) & _LOW_128)",
                new="(spots << 128) | convert(convert(principal, bytes32), uint256)",
            ),
        ),
        killers=(f"{BYTECODE}[account-check_header__unpacked__is_what_it_was]",),
    ),
    Mutant(
        name="position-size-over-the-cost",
        sentence="2: per held market a spot balance and/or one packed word `(size int128, cost int128)`",
        edits=(
            Edit(
                file="modules/ledger.vy",
                old="(convert(convert(high, bytes32), uint256) << 128) | (convert(convert(low, bytes32), uint256) & "
                "_LOW_128)",
                new="(convert(convert(high, bytes32), uint256) << 128) | convert(convert(low, bytes32), uint256)",
            ),
        ),
        killers=(f"{BYTECODE}[ledger-check_halves__are_a_position]",),
    ),
    Mutant(
        name="lowest-market-of-one-map-in-64",
        sentence="2: two 64-bit maps: markets with spot, markets with perp",
        edits=(Edit(file="modules/account.vy", old="0x050C12181E21272D", new="0x050C12181E21272E"),),
        killers=(f"{BYTECODE}[account-check_lowest__is_the_lowest_bit]",),
    ),
    Mutant(
        name="count-of-one-bit-too-few",
        sentence="2: At most 16 markets an account, so that liquidating one is always affordable",
        edits=(
            Edit(
                file="modules/account.vy",
                old="unsafe_add(nibbles, nibbles >> 4) & _BY_8",
                new="(nibbles | nibbles >> 4) & _BY_8",
            ),
        ),
        killers=(f"{BYTECODE}[account-check_count__of_a_bit_more__is_one_more]",),
    ),
    Mutant(
        name="run-nonce-over-the-curve",
        sentence="8: a nonce that rises with every bid, match, sweep or new run",
        edits=(Edit(file="modules/curve.vy", old="((run.nonce & _LOW_16) << 224)", new="(run.nonce << 224)"),),
        killers=(f"{BYTECODE}[curve-check_run__unpacked__is_what_it_was]",),
    ),
    Mutant(
        name="basis-without-its-sign",
        sentence="3: `mark = index·(1 + basis)`, `|basis| ≤ g_m` of section 5",
        edits=(
            Edit(
                file="modules/prices.vy",
                old="    return convert(convert(word << unsafe_sub(256, end), bytes32), int256) >> unsafe_sub(256, "
                "width)",
                new="    return convert((word << unsafe_sub(256, end)) >> unsafe_sub(256, width), int256)",
            ),
        ),
        killers=(f"{BYTECODE}[prices-check_fields__of_their_width__come_back]",),
    ),
    Mutant(
        name="price-with-a-bit-too-few",
        sentence="11: parameters, prices, indices, sightings likewise",
        edits=(
            Edit(file="modules/prices.vy", old="    exponent += min(above, 2)", new="    exponent += min(above, 1)"),
        ),
        killers=(f"{BYTECODE}[prices-check_price__has_the_smallest_exponent]",),
    ),
]
