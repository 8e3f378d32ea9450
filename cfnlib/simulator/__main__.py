"""``python -m cfnlib.simulator``."""

import argparse
import sys

from cfnlib.simulator.program import add_arguments, run

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m cfnlib.simulator", description="An embedded CloudStack 4.19.")
    add_arguments(parser)
    sys.exit(run(parser.parse_args()))
