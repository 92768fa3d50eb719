"""From a decision to a block: journal, simulate, sign, send, watch, replace."""
