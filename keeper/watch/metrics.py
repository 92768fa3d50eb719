"""The Prometheus metrics of the process, one place for all names."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

RPC_CALLS = Counter("keeper_rpc_calls", "Requests sent to the node", ["method"])
RPC_ERRORS = Counter("keeper_rpc_errors", "Requests that an endpoint left without an answer", ["method"])
SWITCHES = Counter("keeper_endpoint_switches", "Times an endpoint was left")
SILENCES = Counter("keeper_silences", "Times no head came for longer than allowed")

HEAD = Gauge("keeper_head_block", "Newest block in the book")
HEAD_TIME = Gauge("keeper_head_timestamp", "Its time, chain seconds")
HEAD_SEEN = Gauge("keeper_head_seen_timestamp", "When it was handled, seconds since 1970")
HEAD_SECONDS = Histogram(
    "keeper_head_seconds",
    "From the word of a head to the last transaction sent for it",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)
REORGS = Counter("keeper_reorgs", "Times blocks were rolled back")
HEAD_FAILURES = Counter("keeper_head_failures", "Heads whose handling failed and is tried again with the next")

ACCOUNTS = Gauge("keeper_accounts", "Accounts in the book")
LOOKED_AT = Gauge("keeper_accounts_looked_at", "Accounts that moves of the markets may have brought to the line")
SELECTED = Gauge("keeper_accounts_selected", "Accounts that the float screen picked for exact assessment")
UNDER = Gauge("keeper_accounts_under_line", "Accounts that a sighting would find in breach")
UNSEEN = Gauge("keeper_accounts_not_live", "Selected accounts whose prices are late or dead")
COMPARED = Counter("keeper_accounts_compared", "Accounts compared with the contract")
DIFFERENT = Gauge("keeper_accounts_different", "Accounts that the contract says something else of: read from the chain")
QUARANTINED = Gauge("keeper_accounts_quarantined", "Accounts that the book cannot be trusted with")
FAILING = Gauge("keeper_accounts_failing", "Accounts whose last attempt failed")
FAILED = Counter("keeper_failed_attempts", "Transactions given up before they were sent", ["kind"])

DECISIONS = Counter("keeper_decisions", "Decisions journaled", ["kind"])
TRANSACTIONS = Counter("keeper_transactions", "Transactions by what became of them", ["kind", "state"])
PENDING = Gauge("keeper_transactions_pending", "Transactions not yet mined", ["lane"])
CAPITAL = Gauge("keeper_capital_quote", "The taker's margin, quote units", ["part"])
