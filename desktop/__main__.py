"""`python -m desktop`: the program with a window."""

import sys

from desktop.app import main

sys.exit(main())
