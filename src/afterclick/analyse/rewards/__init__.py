"""What a reward programme goes with: its members beside visitors alike who did not join."""
