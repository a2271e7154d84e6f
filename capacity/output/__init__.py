"""What commands write and print.

`run_folder` is what a run leaves: `report` and `events` are its tables, `figures` its figures, on a `page` that all
figures share, with the `cell_map`. `writing` writes complete or not at all, `tables` shows tables on the terminal,
`plain_json` what JSON can say.
"""
