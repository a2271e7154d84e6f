"""The supply projection on its own, for one place or all cells: `gridflops project`. See docs/projection.md."""
