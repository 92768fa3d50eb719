"""The Prometheus metrics of the process, one place for all names."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

RPC_CALLS = Counter("keeper_rpc_calls", "Requests sent to the node", ["method"])
RPC_ERRORS = Counter("keeper_rpc_errors", "Requests that an endpoint left without an answer", ["method"])
SWITCHES = Counter("keeper_endpoint_switches", "Times an endpoint was left")
LIES = Counter("keeper_endpoint_lies", "Answers of endpoints that were proved false")
UNCONFIRMED = Counter("keeper_logs_unconfirmed", "Blocks whose logs no second endpoint could confirm")
SILENCES = Counter("keeper_silences", "Times no head came for longer than allowed")
DEAF = Counter("keeper_deaf_subscriptions", "Times a subscription had stopped to hear while the chain went on")
LAG = Gauge("keeper_endpoint_lag_blocks", "Blocks that an endpoint is behind the newest known", ["endpoint"])

HEAD = Gauge("keeper_head_block", "Newest block in the book")
HEAD_TIME = Gauge("keeper_head_timestamp", "Its time, chain seconds")
HEAD_SEEN = Gauge("keeper_head_seen_timestamp", "When it was handled, seconds since 1970")
HEAD_AGE = Gauge("keeper_head_age_seconds", "Wall clock less the newest block's time")
CLOCK_AHEAD = Gauge("keeper_chain_ahead_seconds", "The newest block's time less the wall clock, where it is ahead")
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
LATE = Gauge("keeper_accounts_late", "Selected accounts that nobody can sight until a price of theirs is renewed")
COMPARED = Counter("keeper_accounts_compared", "Accounts compared with the contract")
DIFFERENT = Gauge("keeper_accounts_different", "Accounts that the contract says something else of: read from the chain")
QUARANTINED = Gauge("keeper_accounts_quarantined", "Accounts that the book cannot be trusted with")
FAILING = Gauge("keeper_accounts_failing", "Accounts whose last attempt failed")
FAILED = Counter("keeper_failed_attempts", "Transactions given up before they were sent", ["kind"])

DECISIONS = Counter("keeper_decisions", "Decisions journaled", ["kind"])
TRANSACTIONS = Counter("keeper_transactions", "Transactions by what became of them", ["kind", "state"])
PENDING = Gauge("keeper_transactions_pending", "Transactions not yet mined", ["lane"])
CAPITAL = Gauge("keeper_capital_quote", "The taker's margin, quote units", ["part"])
LANE_AGE = Gauge("keeper_lane_oldest_blocks", "Blocks since the oldest pending transaction was first sent", ["lane"])
BALANCE = Gauge("keeper_native_balance", "What a sender has of the chain's own coin", ["sender"])
FEES = Counter("keeper_fees_paid", "Spent on mined transactions, of the chain's own coin", ["kind"])
DISCOUNT = Counter("keeper_discount_quote", "What bids bought below its value, quote units")

RIVALS = Counter("keeper_rival_takes", "Lots that others took, by why they were not ours", ["why"])

STORE_FAILURES = Counter("keeper_store_failures", "Reads or writes of the store, the journal's too, that failed")
DISK_FREE = Gauge("keeper_disk_free_bytes", "Free space where the store is")
KILLED = Gauge("keeper_kill_switch", "1 while the kill switch is on")
PROBLEMS = Gauge("keeper_alert", "1 while the alert is on", ["name", "level"])
NOTIFIED = Counter("keeper_notifications", "Notifications handed to a service", ["level"])
NOTIFY_FAILED = Counter(
    "keeper_notifications_failed", "Notifications that no service took, or that found the queue full"
)
NOTIFY_HELD = Counter("keeper_notifications_held", "Notifications not sent as there were too many")
