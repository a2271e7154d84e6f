"""Areas that exchange power: what their groups host, and where. See docs/network.md.

`case` is what a country's network is solved from: who exchanges how much (`links`, `planned_lines`, `import_caps`),
where new load goes (`siting`, `best_total`) and the margins of areas. `headroom` solves it into `hours`, `on_device`
with a GPU; `outages` takes the place of a year's solution where units fail. `terms` and `sites` are policies beyond a
share of energy, `events` tells when load is curtailed, `storage_group` what stores are worth to a whole group and
`storage_split` whom they serve. Nothing in here knows how supply is projected or a result is laid out:
`capacity.country` composes them.
"""
