"""From frame to report, a file a stage."""
