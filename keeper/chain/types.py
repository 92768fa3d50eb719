"""What a node says, in types: headers, errors, hexadecimal numbers."""

from __future__ import annotations

from typing import Any, NamedTuple


class LinkError(Exception):
    """The endpoint did not answer: refused, timed out, closed, or no JSON-RPC. Worth another try elsewhere."""


class OtherChainError(LinkError):
    """The endpoint is of another chain than the deployment, or its chain was started anew."""


class RpcError(Exception):
    """The endpoint answered with an error; asking again would not help by itself."""

    def __init__(self, method: str, code: int, message: str, data: Any = None) -> None:
        super().__init__(f"{method}: {message} ({code})")
        self.method = method
        self.code = code
        self.message = message
        self.data = data


class Header(NamedTuple):
    """A block's header; `base_fee` in wei, 0 where the chain has none."""

    number: int
    hash: str
    parent: str
    time: int
    base_fee: int


def number(quantity: str | None) -> int:
    """A quantity of the JSON-RPC interface; 0 for one that is absent."""
    return int(quantity, 16) if quantity else 0


def header_of(block: dict[str, Any]) -> Header:
    """The header in a block object or a newHeads notification. Raises LinkError where something is missing."""
    try:
        return Header(
            number(block["number"]),
            block["hash"],
            block["parentHash"],
            number(block["timestamp"]),
            number(block.get("baseFeePerGas")),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise LinkError(f"not a block header: {error!r}") from error
