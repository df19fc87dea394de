"""The directory: people and departments, their import, PINs, and who may use the service."""
