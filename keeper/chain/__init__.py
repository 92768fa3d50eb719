"""The chain: endpoints, heads, logs. Nothing else in the keeper knows about RPC."""
