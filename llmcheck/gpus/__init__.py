"""What is known of GPUs beyond what a probe reads."""
