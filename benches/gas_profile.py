"""
Where the gas of an act of `benches.gas` goes, by class of opcode, as one JSON object.

`python -m benches.gas_profile bid_1_partial`. `intrinsic` is what a transaction costs before its first opcode,
calldata included; `refund` is taken off at its end.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import Any

import ape

from benches.gas import Bench, acts_of, on_anvil

CLASSES = {
    "storage read": ("SLOAD",),
    "storage write": ("SSTORE",),
    "transient": ("TLOAD", "TSTORE"),
    "call": ("CALL", "STATICCALL", "DELEGATECALL", "EXTCODESIZE"),
    "log": ("LOG0", "LOG1", "LOG2", "LOG3", "LOG4"),
    "hash": ("KECCAK256", "SHA3"),
    "memory": ("MLOAD", "MSTORE", "MSTORE8", "MCOPY", "CALLDATACOPY", "CODECOPY", "RETURNDATACOPY"),
    "jump": ("JUMP", "JUMPI", "JUMPDEST"),
    "multiply and divide": ("MUL", "DIV", "SDIV", "MOD", "SMOD", "ADDMOD", "MULMOD", "EXP"),
}
CLASS_OF = {opcode: name for name, opcodes in CLASSES.items() for opcode in opcodes}
CALLS = ("CALL", "STATICCALL", "DELEGATECALL")


def own_costs(steps: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """Each opcode and what it cost itself: of a call, what neither the callee used nor gave back."""
    costs = []
    for place, step in enumerate(steps):
        cost = int(step["gasCost"])
        if step["op"] in CALLS:
            depth = step["depth"]
            after = next(number for number in range(place + 1, len(steps)) if steps[number]["depth"] == depth)
            inner = [one for one in steps[place + 1 : after] if one["depth"] == depth + 1]
            cost = step["gas"] - steps[after]["gas"]
            if inner:
                cost -= inner[0]["gas"] - (inner[-1]["gas"] - inner[-1]["gasCost"])
        costs.append((step["op"], cost))
    return costs


def profile(receipt: Any) -> dict[str, int]:
    """Gas of a transaction by class of opcode."""
    trace = ape.chain.provider.make_request(
        "debug_traceTransaction",
        [receipt.txn_hash, {"disableStack": True, "disableMemory": True, "disableStorage": True}],
    )
    steps = trace["structLogs"]
    found: Counter[str] = Counter()
    for opcode, cost in own_costs(steps):
        found[CLASS_OF.get(opcode, "stack and arithmetic")] += cost
    found["intrinsic"] = receipt.gas_limit - steps[0]["gas"]
    found["refund"] = receipt.gas_used - found.total()
    return dict(found.most_common()) | {"all": receipt.gas_used}


def main() -> None:
    """Print the profile of the act named."""
    with on_anvil() as wallets:
        acts = acts_of(Bench(wallets))
        name = sys.argv[1] if len(sys.argv) > 1 else ""
        if name not in acts:
            raise SystemExit(f"gas_profile: {name!r} is no act; there are {', '.join(acts)}")
        print(json.dumps({"act": name} | profile(acts[name]())))


if __name__ == "__main__":
    main()
