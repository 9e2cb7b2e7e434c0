"""What a visitor leans to: categories, brands and price levels, by what was looked at, put in the basket and ordered."""
