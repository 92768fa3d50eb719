"""What to do about what is under the line: sight it, and bid when that pays."""
