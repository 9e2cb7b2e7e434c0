"""Import and questions measured on generated events, each beside a yardstick of the same machine: trust the ratios."""

from afterclick.app.bench.clickhouse import environment
from afterclick.app.bench.machine import Machine, machine
from afterclick.app.bench.pages import Visit
from afterclick.app.bench.row import Row
from afterclick.app.bench.run import PARTS, REPEATS, Peers, run
from afterclick.app.bench.value import PEER as LIFETIMES

__all__ = ["LIFETIMES", "PARTS", "REPEATS", "Machine", "Peers", "Row", "Visit", "environment", "machine", "run"]
