"""Two GPUs that are not there: dask-cuda's cluster on plain processes, and CuPy's stand-in in each of them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, ClassVar

from distributed import LocalCluster

from capacity.sweep import store, tasks
from cuda_kernels import _launch

GPUS = ("0", "1")


class LocalCUDACluster(LocalCluster):
    """One process a device, which it sees first, as dask-cuda has it; keeps the options that it was asked with."""

    asked: ClassVar[list[dict[str, Any]]] = []

    def __init__(self, **options: Any) -> None:
        self.asked.append(dict(options))
        count = options.pop("n_workers", len(GPUS))
        super().__init__(**options, n_workers=0, processes=True)
        self.scale(count)
        self.sync(self._correct_state)

    def new_worker_spec(self) -> dict[Any, Any]:
        [(_, spec)] = super().new_worker_spec().items()
        number = next(n for n in range(len(GPUS)) if n not in self.worker_spec)
        visible = ",".join((*GPUS[number:], *GPUS[:number]))
        options = spec["options"] | {"env": {"CUDA_VISIBLE_DEVICES": visible}}
        return {number: {"cls": spec["cls"], "options": options}}


def emulated(job: tasks.Job) -> tasks.Outcome:
    """`tasks.run` with kernels executed on the CPU; leaves beside the store which device the process saw first."""
    from emulation import stand_in

    if getattr(sys.modules.get("cupy"), "__version__", "") != "0+stand.in":
        sys.modules["cupy"] = stand_in.make_module()
        _launch._function.cache_clear()
    before = len(stand_in.launches)
    outcome = tasks.run(job)
    home = Path(store.open_store(job.url).url).parent
    device = os.environ["CUDA_VISIBLE_DEVICES"].split(",")[0]
    (home / f"task-{job.task}-{device}-{len(stand_in.launches) - before}").touch()
    return outcome
