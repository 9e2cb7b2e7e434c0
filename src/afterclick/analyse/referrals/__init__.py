"""Who told others of the shop, and what came of it."""
