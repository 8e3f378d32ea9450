"""Pictures and tables of stacks and plans: standalone SVG and HTML, from plain data.

It knows nothing of stacks: names, states as texts, times and edges come in, text comes out. So it stands at the
beginning of the order of packages, and a plan may have a picture of itself. Nothing is drawn by a library: a graph of
some dozen boxes needs a few hundred lines, and neither a binary nor a browser.

States are told by word and symbol first; colour only repeats them. Every text is escaped. A picture paints its own
ground, so it can be read on a page of any colour, and turns dark where the reader's system is.
"""
