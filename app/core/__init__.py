"""What MaskBar decides. Standard library only: no Qt, no network, no clock, no files, no chance.

Time (seconds on a monotonic clock) and chance (a number from 0 to 1) come in as arguments.
"""
