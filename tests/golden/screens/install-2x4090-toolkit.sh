#!/bin/sh
# toolkit: installation planned by llmcheck
set -eu

# environment: shared
# Accelerate: One training script for one or many GPUs; vLLM: Serving engine with paged attention; LangChain: Chains, agents and integrations around models. It replaces torch 2.15.0+cu132 by the version that vLLM pins; back with: pip install torch==2.15.0
/home/ada/project/.venv/bin/python -m pip install 'accelerate>=1.10' 'vllm>=0.32' 'langchain>=1.0'
# note: vLLM: It pins one torch version (2.13.0 in 0.32, 2.14.0 in 0.33) and Transformers below 5.20: what needs others goes into another environment.
