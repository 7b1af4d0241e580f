"""`python -m app.simulator`; the one rule: everything is in `command.py`."""

import sys

from app.simulator.command import main

if __name__ == "__main__":
    sys.exit(main())
