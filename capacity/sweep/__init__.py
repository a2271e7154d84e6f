"""Sweeps: many scenarios x many draws as independent tasks, executed on Dask, kept in one Zarr store.

A task is one scenario variant and one block of draws. `plan` says in integers what the tasks are, `store` keeps
their arrays and says which are complete, `tasks` computes one, `engine` has them computed (the only module that knows
Dask's scheduler), `summarise` reduces a store to quantiles, `cli` is the command line. See docs/sweeps.md.
"""
