#!/bin/sh
# inference-7b: installation planned by llmcheck
set -eu

# environment: shared
# Transformers: Models, tokenizers and training loops from Hugging Face; vLLM: Serving engine with paged attention
/home/ada/project/.venv/bin/python -m pip install 'transformers>=5.0' 'vllm>=0.32'
# note: Transformers: It does not pull in torch: install torch first to run models.
# note: vLLM: It pins one torch version (2.13.0 in 0.32, 2.14.0 in 0.33) and Transformers below 5.20: what needs others goes into another environment.
