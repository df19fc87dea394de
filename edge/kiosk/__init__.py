"""The screen at the door: what it shows (``screen``), in which words (``words``), and the page itself.

``server`` publishes the screen to a browser on this machine and takes PINs from it; ``static`` is the page.
"""
