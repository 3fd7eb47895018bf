"""One module per vendor: each lists that vendor's GPUs, or says why it cannot."""
