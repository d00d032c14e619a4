"""Stored state rewritten as a whole: to an older schema, or to where the producer now puts its keys."""
