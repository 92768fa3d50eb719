"""What is measured, each module printing one JSON object."""
