"""The command line. ``commands/`` has one module for each command; nothing outside ``cli`` prints."""
