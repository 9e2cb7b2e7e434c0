"""Messages on their way out: planned once, claimed before they leave, and every one of them accounted for."""
