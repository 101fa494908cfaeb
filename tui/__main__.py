"""`python -P -m tui`: the command `neglogp`. Without -P the current folder would come first on the path."""

from tui.cli import main

main()
