"""The folds: pure functions over one visitor's ordered rows, compiled by numba when there are many."""
