"""Schemas from a registry, asked for by id."""
