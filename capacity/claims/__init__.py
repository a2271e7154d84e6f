"""The six claims of the founding commentary as statistics with posteriors: `gridflops claims`. See docs/claims.md."""
