"""What is measured, and against what; never part of pass or fail."""
