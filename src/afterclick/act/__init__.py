"""What leaves the house: calls and messages to others, each checked where its socket opens."""
