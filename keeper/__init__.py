"""Plimsoll's keeper: it watches every account, opens and takes auctions, and accounts for what it decided."""
