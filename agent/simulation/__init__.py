"""Drawn streets and a vehicle that drives them: what stands in where there is no hardware."""
