"""The models of a lifetime by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from afterclick.learn.value.beta_bernoulli import BgBb
from afterclick.learn.value.beta_geometric import BgNbd, MbgNbd
from afterclick.learn.value.lifetime import Lifetime
from afterclick.learn.value.pareto import ParetoNbd

MODELS: Final[Mapping[str, type[Lifetime]]] = {kind.word: kind for kind in (MbgNbd, ParetoNbd, BgNbd, BgBb)}
