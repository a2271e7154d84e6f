"""What the engine is told: where tasks run, how much trouble is put up with, and whom to tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from capacity.sweep.tasks import Job, Outcome

Work = Callable[[Job], Outcome]


@dataclass(frozen=True)
class Pool:
    """Where tasks run.

    scheduler : "local" (processes), "threads", or tcp://host:port, tls://host:port
    workers : processes or threads of a local pool; None for one a core (a GPU)
    gpus : one process a GPU, through dask-cuda
    memory : bytes a worker process may use before it is ended, None for its share of the machine
    tls : ca file, certificate and key for tls:// addresses; None for those of Dask's own configuration
    """

    scheduler: str = "local"
    workers: int | None = None
    gpus: bool = False
    memory: int | None = None
    tls: tuple[str, str, str] | None = None

    @property
    def is_local(self) -> bool:
        return self.scheduler in ("local", "threads")


@dataclass(frozen=True)
class Limits:
    """How much trouble is put up with.

    retries : further tries after an error, and after the death of a worker process
    timeout_s : of one task; 0 for none
    max_failed : quarantined tasks after which the run stops
    patience_s : how long to wait for a lost scheduler, or for any worker
    """

    retries: int = 2
    timeout_s: float = 3600.0
    max_failed: int = 1000
    patience_s: float = 600.0


@dataclass
class Trouble:
    """What has gone wrong with the tasks that ever failed; empty in a good run."""

    errors: Counter[int] = field(default_factory=Counter)
    deaths: Counter[int] = field(default_factory=Counter)
    alone: list[int] = field(default_factory=list)
    later: list[tuple[float, int]] = field(default_factory=list)


@dataclass(frozen=True)
class Watch:
    """Whom to tell: `done` and `failed` with the outcome and the number of tries, `say` with a line of text.

    `go_on` is called all along and raises CapacityError where the run must stop.
    """

    done: Callable[[Outcome], None]
    failed: Callable[[Outcome, int], None]
    say: Callable[[str], None]
    go_on: Callable[[], None] = lambda: None
