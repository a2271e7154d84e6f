"""Every CUDA kernel beside its NumPy twin on a card, and timed beside its floor: `gridflops verify-gpu`.

`checks` runs them on `fresh` random inputs and `speed` times them; `report` is the page of a run. See docs/gpu-runs.md.
"""
