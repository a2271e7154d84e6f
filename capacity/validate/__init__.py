"""Published figures and results beside the model's own: `gridflops validate`. See docs/limits.md and docs/duke.md.

`published` judges figures, each computed from a run by one of the `measures`; `datacenter_stock` counts what stood
before the model begins. `duke` reproduces a published study through the public kernel.
"""
