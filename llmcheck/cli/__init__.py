"""The command line. ``commands/`` has one module for each command. Only ``cli`` prints."""
