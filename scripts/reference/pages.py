"""The pages of docs/reference, as text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from scripts.reference.facts import Contract, Function

ROLES = {
    "ownable: caller is not the owner": "owner",
    "ownable_2step: caller is not the new owner": "named next owner",
    "clearinghouse: not allowed": "account's owner or operator",
    "exchange: not allowed": "account's owner or operator",
    "auction: not allowed": "account's owner or operator",
    "batch: not allowed": "account's owner or operator",
    "vault: not enough allowance": "share's owner or who has its allowance",
    "clearinghouse: not a venue": "venue",
    "clearinghouse: not the auction": "Auction",
    "clearinghouse: not the batch": "Batch",
    "clearinghouse: not the guardian": "guardian",
    "exchange: not the auction": "Auction",
    "risk_engine: not the calibrator": "calibrator",
}
"""Who may do what: a function that can refuse so is for them alone (a deposit of spot: for what is not held yet)."""
MADE = "<!-- Made by `make reference` from the contracts; a test compares. -->"


def pages(contracts: Sequence[Contract]) -> dict[str, str]:
    """Name of each file below docs/reference, and its text."""
    found = {f"{contract.name}.md": contract_page(contract) for contract in contracts}
    return found | {"access.md": access_page(contracts), "reverts.md": reverts_page(contracts)}


def who(function: Function) -> str:
    """Who may call an act."""
    if function.name == "__init__":
        return "who deploys it"
    return ", ".join(dict.fromkeys(ROLES[reason] for reason in function.reasons if reason in ROLES)) or "anyone"


def contract_page(contract: Contract) -> str:
    """Acts with who may call them and what they refuse, views, storage."""
    lines = [MADE, f"# {contract.name}", ""]
    for function in contract.functions:
        if not function.is_act:
            continue
        lines += [f"## {function.name}", "", f"`{function.signature}`", ""]
        lines += [function.notice, ""] if function.notice else []
        lines += [f"- Who: {who(function)}."]
        lines += [f"- Calls: {_code(function.calls)}, and refuses what they refuse."] if function.calls else []
        lines += ["- Refuses:", *(f"    - `{reason}`" for reason in function.reasons)] if function.reasons else []
        lines += [""]
    lines += ["## Views", ""]
    lines += table(
        ("view", "says", "refuses"),
        (
            (f"`{function.signature}`", function.notice, _code(function.reasons))
            for function in contract.functions
            if not function.is_act
        ),
    )
    for title, layout, place in (
        ("Storage", "storage_layout", "slot"),
        ("Transient storage", "transient_storage_layout", "slot"),
        ("Immutables", "code_layout", "byte of the code's data"),
    ):
        variables = contract.variables(layout)
        if variables:
            lines += ["", f"## {title}", ""]
            rows = ((f"`{one.name}`", f"`{one.type}`", str(one.place), str(one.length)) for one in variables)
            lines += table(("variable", "type", place, "length"), rows)
    return "\n".join(lines) + "\n"


def access_page(contracts: Sequence[Contract]) -> str:
    """Every act of every contract, and who may call it."""
    rows = (
        (contract.name, f"`{function.name}`", who(function), "locked" if function.locked else "")
        for contract in contracts
        for function in contract.functions
        if function.is_act and function.name != "__init__"
    )
    head = [MADE, "# Who may call what", "", "Views are open to anyone. A locked act cannot be entered again.", ""]
    return "\n".join([*head, *table(("contract", "act", "who", "lock"), rows)]) + "\n"


def reverts_page(contracts: Sequence[Contract]) -> str:
    """Every reason, and the functions that it can come from."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for contract in contracts:
        for function in contract.functions:
            for reason in function.reasons:
                found[reason][contract.name].append(function.name)
    rows = (
        (f"`{reason}`", "; ".join(f"{name}: {_code(sorted(set(where)))}" for name, where in places.items()))
        for reason, places in sorted(found.items())
    )
    return "\n".join([MADE, "# Every reason to refuse", "", *table(("reason", "from"), rows)]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
