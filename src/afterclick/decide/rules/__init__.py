"""Rules as they run: what is written down is checked, compiled once, and asked of one visitor after another."""
