"""Facts about GPUs that no probe reads: published figures, vendors, drivers, shared memory."""
