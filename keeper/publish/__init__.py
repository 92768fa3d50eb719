"""What a publisher of prices does: makes reports of a round and signs them."""
