"""`python -m grids.build --originals DIR [--out FILE]`: rebuild the embedded bundle."""

from grids.cli import build

if __name__ == "__main__":
    build()
