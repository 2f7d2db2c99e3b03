"""``python -m jobshape``."""

import sys

from jobshape.app.cli import main

if __name__ == "__main__":
    sys.exit(main())
