"""`python -m compat.ec2`."""

import sys

from compat.ec2.command import main

sys.exit(main())
