"""The real command as a subprocess, in an environment of its own."""
