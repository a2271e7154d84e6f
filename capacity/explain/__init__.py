"""Why an area or a group of areas hosts what it can, and what one more MW of each resource adds: `gridflops explain`.

Four explanations, each of one year and one draw: `island` of an area and `group` of areas that exchange power, hour by
hour; `island_outages` and `group_outages` of the same while units fail. They begin with all draws of the year
(`area_year`, `group_year`), look at one (`point`, `terms`, `brought`, and in states of units `outage_area`,
`outage_group`, `outage_firm`), and say what is there (`standing`, `store`, `group_store`) and could be more
(`resources`). `report` and `figure` show what was found; `cli` is the command line. `capacity.frontier` begins like a
group; nothing else of the model looks in here.
"""
