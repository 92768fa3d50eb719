"""The steps put together: one session with the chain, one loop over its heads."""
