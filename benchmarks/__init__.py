"""Measured comparisons; each body also runs once, small, in the test suite."""
