"""The mirror of every account: words as the chain has them, columns to screen them, exact numbers on demand."""
