"""`afterclick version`: what to quote in a report of a fault."""

from __future__ import annotations

import platform
from importlib import metadata

import click

_PARTS = ("duckdb", "numba", "numpy", "pyarrow", "msgspec")


@click.command()
def version() -> None:
    """Print the versions of afterclick and of what it computes with."""
    click.echo(f"afterclick {metadata.version('afterclick')}")
    click.echo(f"python {platform.python_version()} on {platform.system()} {platform.machine()}")
    for part in _PARTS:
        click.echo(f"{part} {metadata.version(part)}")
