"""What a workload takes on one GPU, term by term."""
