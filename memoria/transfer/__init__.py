"""Export and import of memories as JSON lines, and copies between stores."""
