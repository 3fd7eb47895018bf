"""Every touch of the operating system: files, commands, the network, child processes, other interpreters."""
