"""The one exception that the composer raises for bad requests."""

from __future__ import annotations

from collections.abc import Iterable


class CapacityError(ValueError):
    """A request that cannot be answered: the message names the place, the value and the way out.

    problems : str or iterable of str       One or several; each has a line of the message.
    """

    def __init__(self, problems: str | Iterable[str]) -> None:
        lines = [problems] if isinstance(problems, str) else list(problems)
        head = [] if len(lines) == 1 else [f"{len(lines)} problems in the request:"]
        super().__init__("\n".join([*head, *(("- " if head else "") + line for line in lines)]))
