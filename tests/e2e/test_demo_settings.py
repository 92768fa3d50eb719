"""What the demo accepts from its environment, and what it says of the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.demo.settings import ACCOUNTS, BLOCKS, SEED, Settings, UsageError, read_settings


def test_read_settings__nothing_set__is_the_built_in_crash() -> None:
    settings = read_settings({"PATH": "/bin", "PRICES": "", "KEEPER": ""})

    assert settings == Settings(seed=SEED, blocks=BLOCKS, accounts=ACCOUNTS, keeper=True, output=Path("demo"))


def test_read_settings__a_file_with_bounds__has_them_all() -> None:
    given = {"PRICES": "a.csv", "FROM": "2024-08-04", "TO": "2024-08-06", "COLUMNS": "eth=e", "KEEPER": "0"}

    settings = read_settings(given)

    assert (settings.prices, settings.start, settings.end) == (Path("a.csv"), "2024-08-04", "2024-08-06")
    assert (settings.columns, settings.keeper) == ("eth=e", False)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"KEEPER": "no"}, "KEEPER: 'no' is neither 0 nor 1"),
        ({"SEED": "x"}, "SEED: 'x' is not a whole number"),
        ({"ACCOUNTS": "12"}, "ACCOUNTS: 12 is too few, at least 60"),
        ({"BLOCKS": "3"}, "BLOCKS: 3 is too few, at least 60"),
        ({"FROM": "2024-01-01"}, "FROM: says which part of PRICES to play, but PRICES is not set"),
    ],
)
def test_read_settings__what_cannot_be__is_named(given: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError) as error:
        read_settings(given)

    assert str(error.value) == message
