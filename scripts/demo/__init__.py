"""From prices to liquidations on a local chain: a population of accounts, a price path, and the keeper at work."""
