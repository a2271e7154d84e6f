"""What stops it: accelerators, money and power together, once both countries are solved. See docs/limits.md.

`joint` puts together what a country deploys and runs: load that is connected (`capacity.deployment`), `chips` and
`capital`. `operation` carries it from year to year through the linear program of `allocation`, whose shadow prices
`dual_face` averages; `efficiency` moves the demand for it, and `runs` says what comes of it.
"""
