"""A patrol without hardware: real daemon, real broker, real centre, all on this machine and in one folder."""
