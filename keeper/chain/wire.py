"""JSON-RPC on the wire: requests, and answers whose result is left as bytes until somebody wants it read."""

from __future__ import annotations

from typing import Any

import msgspec

from keeper.chain.types import LinkError, RpcError


class Answer(msgspec.Struct):
    """A response, or a notification of a subscription."""

    id: int | None = None
    result: msgspec.Raw = msgspec.Raw(b"")
    """Empty where the message has none, which is not the same as null."""
    error: Any = None
    method: str | None = None
    params: msgspec.Raw = msgspec.Raw(b"null")


class Notification(msgspec.Struct):
    """What a subscription tells."""

    result: Any
    subscription: Any = None


_answers = msgspec.json.Decoder(Answer)
_notifications = msgspec.json.Decoder(Notification)


def request(number: int, method: str, params: list[Any]) -> bytes:
    """A request's bytes."""
    return msgspec.json.encode({"jsonrpc": "2.0", "id": number, "method": method, "params": params})


def answer_of(message: bytes | str) -> Answer:
    """A message's envelope. Raises LinkError for what is no JSON-RPC object."""
    try:
        return _answers.decode(message)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise LinkError(f"the answer is no JSON-RPC object: {error}") from error


def told(answer: Answer) -> Any:
    """What a notification tells. Raises LinkError where it cannot be read."""
    try:
        return _notifications.decode(answer.params).result
    except msgspec.DecodeError as error:
        raise LinkError(f"a notification cannot be read: {error}") from error


def result_of(method: str, answer: Answer) -> bytes:
    """The result's JSON. Raises RpcError for an error that the endpoint answered with, LinkError for neither."""
    error = answer.error
    if error is None:
        if not answer.result:
            raise LinkError(f"{method}: the answer has neither a result nor an error")
        return bytes(answer.result)
    if not isinstance(error, dict):
        raise RpcError(method, 0, str(error))
    code = error.get("code", 0)
    raise RpcError(method, code if isinstance(code, int) else 0, str(error.get("message", "")), error.get("data"))


def read(method: str, result: bytes) -> Any:
    """A result's JSON, read. Raises LinkError where it is none."""
    try:
        return msgspec.json.decode(result)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise LinkError(f"{method}: the result cannot be read: {error}") from error
