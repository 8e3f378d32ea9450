"""What runs a stock script: finding it, checking it, the bridge, boto, and the interpreter."""
