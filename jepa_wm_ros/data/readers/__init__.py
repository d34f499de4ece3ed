"""Readers: what is on disk, as recordings."""
