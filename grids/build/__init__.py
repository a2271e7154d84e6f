"""Derive the embedded bundle from the public originals."""
