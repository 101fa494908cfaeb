"""What every request is."""

from typing import Generic, TypeVar

from core.wire import Message

Result = TypeVar("Result")


class Request(Message, Generic[Result], frozen=True, kw_only=True):
    """Something asked of the session; the type parameter is what it answers with."""
