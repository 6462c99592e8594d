"""The reading room's web service."""
