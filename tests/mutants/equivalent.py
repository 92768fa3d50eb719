"""Generated mutants that no test can catch, because nothing that matters is different; each with the reason."""

EQUIVALENT: dict[str, str] = {
    "Exchange.vy cross: a.size > 0 → a.size > -1": "an order of size 0 is refused by one reason or another",
    "modules/curve.vy _CURVE_BITS: 144 → 143": (
        "bit 143 is the highest of the last λ: a curve that has it is above 10,000 bps, and refused for that"
    ),
    "modules/slow_feed.vy _MARKETS: 64 → 65": (
        "one word more in storage, which nobody can write: a market of number 64 is still an unknown one"
    ),
}
"""By a site's key: `file function: before → after`."""
