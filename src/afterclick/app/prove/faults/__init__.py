"""Faults that are made on purpose: a disk that forgets, fails or fills up, so that a promise can be tried."""
