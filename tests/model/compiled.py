"""`python -m tests.model.compiled`: compile what the differential tests deploy, so that they find it done."""

from __future__ import annotations

from tests.model.contracts import contract

CONTRACTS = ("RiskEngine", "Clearinghouse", "Auction", "InsuranceVault", "Batch", "Exchange")
TESTING = ("TestToken", "TestFeed", "SignerWallet")


def main() -> None:
    """Compile all of them, or read what is kept."""
    for name in (*CONTRACTS, *(f"testing/{name}" for name in TESTING)):
        contract(name)


if __name__ == "__main__":
    main()
