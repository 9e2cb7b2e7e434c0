"""Ids become visitors, events become sessions, visits get a channel and a stage."""
