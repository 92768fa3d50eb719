"""Every reason to refuse that the contracts know, and which of them no act on a running protocol can meet."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "reverts.md"
"""Made from the contracts; a test holds it to them."""
ROW = re.compile(r"^\| `(.*?)` \| [A-Z]", re.MULTILINE)
OUT_OF_REACH = {
    "account: cost out of range": "Lens alone: words that hold more than the bounds of size and cost allow",
    "account: size out of range": "Lens alone: words that hold more than the bounds of size and cost allow",
    "auction: not frozen": "the vault answers true or refuses with a reason of its own",
    "auction: too many standing bids": "2^32 bids come first",
    "erc20: burn amount exceeds balance": "the vault burns what it has seen that the owner has",
    "erc20: burn from the zero address": "the vault burns its own shares and its caller's",
    "erc20: mint to the zero address": "the vault refuses a receiver of zero first",
    "vault: approve failed": "only a deployment over a token that answers false to an approval",
    "vault: transfer failed": "only over a quote token that answers false: tests/unit/insurance_vault",
}
"""Why each is."""


def known() -> set[str]:
    """All reasons there are."""
    return set(ROW.findall(REFERENCE.read_text()))


def never(met: Iterable[str]) -> list[str]:
    """Reasons that a run should have met and did not."""
    return sorted(known() - set(met) - set(OUT_OF_REACH))
