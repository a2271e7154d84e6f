"""Real supply and demand of the US and Chinese grids, gridded and labelled."""
