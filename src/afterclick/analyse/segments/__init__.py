"""Segments: groups of visitors by a rule, counted live, compared, kept as lists; the rules are those of live reactions."""
