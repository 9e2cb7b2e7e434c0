"""The command line: commands generated from every question, and the few that look after a store."""

from afterclick.surfaces.cli.main import main

__all__ = ["main"]
