"""`python -m fairlead` is the command `fairlead`."""

import sys

from fairlead.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
