"""What visitors said themselves: surveys, NPS, reviews, beside what they did."""
