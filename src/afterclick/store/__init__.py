"""The directory on disk: the log that is the truth and the projection questions read."""
