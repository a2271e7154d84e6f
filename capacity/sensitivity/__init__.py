"""Which group of parameters decides how much compute is deployed, and what it would be worth to know it better.

`capacity.sensitivity.study` runs it; see docs/sensitivity.md for the method.
"""
