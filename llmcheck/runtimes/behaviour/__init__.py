"""What runtimes share: their interface, and what several of them do alike."""
