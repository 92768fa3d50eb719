"""What traders and bidders do in the demo beside the keeper: one short act each, with wallets of their own."""
