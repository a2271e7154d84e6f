"""The fleet of a country from its base year on, by area and technology, over draws. See docs/projection.md.

`fleet` is what stands and what is announced, `known_additions` what has come since. `projection` puts together what is
left of it (`retirement`), what is added (`additions`, following one of the `experts`), the `regimes` that quicken or
slow it, and the `equipment` that it competes for with new load. `cells` lays it on the map, `experts_data` and
`hindcast_flags` carry what the hindcast found, `backcast` checks the curves of retirement.
"""
