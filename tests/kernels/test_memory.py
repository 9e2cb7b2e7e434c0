"""Freed memory stays with the process where the C library can be told so."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

SECOND_USE = """
import resource
import numpy as np
from afterclick.analyse.kernels.memory import keep_memory
assert keep_memory()
np.ones(8_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    np.ones(8_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc, which macOS has not")
def test_the_second_array_needs_no_fresh_pages():
    done = subprocess.run([sys.executable, "-c", SECOND_USE], capture_output=True, text=True, check=True)
    # Five arrays of 64 MB would be some 80,000 small pages, or 160 large ones.
    assert int(done.stdout) < 100
