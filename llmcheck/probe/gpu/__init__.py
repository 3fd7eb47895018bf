"""One module per vendor: each lists the vendor's GPUs, or reports why it cannot."""
