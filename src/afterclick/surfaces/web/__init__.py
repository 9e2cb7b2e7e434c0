"""The dashboard: pages, fragments and the JSON API over HTTP; every number comes from a Result."""

from afterclick.surfaces.web.app import create_app
from afterclick.surfaces.web.asker import Asker

__all__ = ["Asker", "create_app"]
