"""What went wrong in a scenario, where, and the way out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One fault: where it is (file, line from 1, dotted key), the value found there, and what to do."""

    message: str
    file: str = ""
    line: int | None = None
    key: str = ""
    value: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.file and self.line is not None else self.file
        found = f" = {self.value}" if self.value else ""
        parts = (place, f"{self.key}{found}" if self.key else self.value, self.message)
        return ": ".join(part for part in parts if part)


class ScenarioError(Exception):
    """A scenario, or a question put to one, that cannot be used; carries every problem found."""

    def __init__(self, problems: str | Sequence[Problem]) -> None:
        if isinstance(problems, str):
            problems = (Problem(problems),)
        self.problems: tuple[Problem, ...] = tuple(problems)
        if len(self.problems) == 1:
            text = str(self.problems[0])
        else:
            lines = "\n".join(f"  {problem}" for problem in self.problems)
            text = f"{len(self.problems)} problems in scenarios:\n{lines}"
        super().__init__(text)

    def __reduce__(self) -> tuple[type[ScenarioError], tuple[tuple[Problem, ...]]]:
        return (ScenarioError, (self.problems,))
