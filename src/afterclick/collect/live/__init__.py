"""Events as they happen: what stands between the wire and the tail of the log."""
