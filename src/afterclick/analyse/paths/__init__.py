"""Ways through the site: paths whose columns add up, moves between touchpoints, and what was searched for."""
