"""`python -m central` is `fidamia-central`."""

from central.cli import main

main(prog_name="fidamia-central")
