"""Whether the reports agree: every equation that must hold, each side computed by a way of its own."""
