"""Today's grids before any growth: `gridflops base-year`. See docs/adequacy.md and docs/network.md.

`areas` is the table, with areas on their own, as a network (`exchange`) and while units fail (`outages`); `pooling` is
what it is worth that areas help each other.
"""
