"""Makes a model for the agent from photographs: `python -m training --photos DIR --out models/NAME`."""
