"""The protocol's arithmetic in exact integers (docs/exact.md): no I/O, no floats, nothing of ours imported."""
