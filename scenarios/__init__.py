"""Typed growth scenarios: YAML in, frozen objects out."""
