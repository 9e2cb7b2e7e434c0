"""Stages of the journey found in what visitors do, where nobody has named any."""
