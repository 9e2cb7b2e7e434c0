"""Liquid as it may be used in messages: few tags, few filters, plain values, and a bound on everything."""
