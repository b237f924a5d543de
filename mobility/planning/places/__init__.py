"""Places by name and by position: stops, sights, addresses."""
