"""What a person or program meets: command line, pages, JSON."""
