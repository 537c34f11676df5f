"""`python -m retroprop` is the command line."""

import sys

from retroprop.cli import main

if __name__ == "__main__":
    sys.exit(main())
