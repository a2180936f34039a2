"""`python -m agent` is `fidamia`."""

from agent.cli.main import main

main(prog_name="fidamia")
