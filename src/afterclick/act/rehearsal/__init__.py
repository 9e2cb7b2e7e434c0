"""A journey walked through by the visitors of the past: timers, messages and all that holds them back, with nothing sent."""
