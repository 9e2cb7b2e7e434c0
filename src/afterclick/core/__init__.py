"""Values every other part speaks: specs, events, results, money, time and errors."""
