"""Calls to addresses that people wrote down, which may lead anywhere but into one's own network."""
