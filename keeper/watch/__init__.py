"""What the keeper says of itself: logs, metrics, health."""
