"""What the contracts' sources compile to, by hash, for whoever wants to know what is on a chain."""
