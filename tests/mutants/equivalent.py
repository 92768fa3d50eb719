"""Generated mutants that no test can catch, because nothing that matters is different; each with the reason."""

EQUIVALENT: dict[str, str] = {
    "Exchange.vy cross: a.size > 0 → a.size > -1": "an order of size 0 is refused by one reason or another",
}
"""By a site's key: `file function: before → after`."""
