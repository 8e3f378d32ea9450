"""`python -m cfnlib.cli`."""

import sys

from cfnlib.cli import main

sys.exit(main())
