"""What a run gives, as one Dataset with units and labels. See docs/method.md, The file of a result.

`dataset` lays it out, with what a `network`, `events` of curtailment and the `joint` limits add to it; `netcdf` takes
it to disk and back. What is made of it for people is in `capacity.output`.
"""
