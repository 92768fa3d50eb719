"""Tests: a folder a kind, a file a function of what is tested."""
