"""The ways a message reaches somebody: each hands it over once and says for certain, or as uncertain, what came of it."""
