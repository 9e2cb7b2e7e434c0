"""Groups of visitors found in what they do, told apart in words, or the finding that there are none that last."""
