"""When an area is short, and what new load it leaves room for. See docs/adequacy.md.

`parts` is what an hourly margin is made of, with shapes that follow from a schedule (`dispatch`); `notions` make it a
margin, `reliability` a distribution while units fail. `policies` say on what terms new load is curtailed, `hosting`
what becomes of it hour by hour and `events` in what events. `storage`, `storage_headroom` and `storage_terms` run the
stores.
"""
