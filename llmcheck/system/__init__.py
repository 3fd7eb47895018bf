"""All access to the operating system: files, commands, the network, child processes, other interpreters."""
