"""Promises of the product, each with the trial that keeps or breaks it."""
