"""Generated mutants that no test can catch, because nothing that matters is different; each with the reason."""

EQUIVALENT: dict[str, str] = {}
"""By a site's key: `file function: before → after`."""
