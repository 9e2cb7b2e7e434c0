"""What buyers are worth: how often they will buy again, for how much, and who of them is still there."""
