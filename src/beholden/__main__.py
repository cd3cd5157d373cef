"""`python -m beholden` is `beholden`."""

from beholden.cli.main import main

main()
