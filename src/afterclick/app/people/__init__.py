"""What is held about one person: found, handed out, erased, and the erasure proved."""
