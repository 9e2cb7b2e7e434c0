"""Live state, rules and backtests: what a visitor has done so far, and what that calls for now."""
