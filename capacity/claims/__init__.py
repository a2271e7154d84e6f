"""The six claims of a commentary as statistics with posteriors: `gridflops claims`. See docs/claims.md."""
