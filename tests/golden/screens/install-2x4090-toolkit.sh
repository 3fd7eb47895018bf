#!/bin/sh
# toolkit: installation planned by llmcheck
# Accelerate: inference that spreads a model, and every fine-tuning tier; not DeepSpeed: it works here too; Accelerate comes first in the document
# vLLM: every inference tier with an NVIDIA GPU: serves many requests at once; not Text Generation Inference: is a container, and docker is not installed
# LangChain: applications on top of any inference tier; not LlamaIndex: it works here too; LangChain comes first in the document
set -eu

main() {
    # environment: shared
    # Accelerate: One training script for one or many GPUs; vLLM: Serving engine with paged attention; LangChain: Chains, agents and integrations around models
    # changes: torch 2.15.0 is replaced: vLLM pins torch==2.14.0
    # changes: may be replaced, because vLLM was last resolved with other releases: transformers 5.23.0 (5.20.2)
    # undo with: /home/ada/project/.venv/bin/python -m pip install torch==2.15.0 transformers==5.23.0
    /home/ada/project/.venv/bin/python -m pip install 'accelerate>=1.15' 'vllm>=0.33' 'langchain>=1.4'
    # torch sees the GPU and computes on it
    # prints: a version (==2.14.0 with vLLM 0.33.0), and True
    /home/ada/project/.venv/bin/python -c 'import sys, torch; ok = (2, 14, 0) <= torch.__version__ < (2, 14, 1) and torch.cuda.is_available() and all((torch.ones(1).cuda(i) + 1).item() == 2 for i in range(torch.cuda.device_count())); print(torch.__version__, ok); sys.exit(not ok)'
    # the libraries import
    # prints: True in the last line
    /home/ada/project/.venv/bin/python -c 'from accelerate import Accelerator; from langchain.agents import create_agent; import vllm; print(True)'
    # their versions are as planned
    # prints: that each is there already
    /home/ada/project/.venv/bin/python -m pip install --dry-run --no-index --no-deps 'accelerate>=1.15' 'vllm>=0.33' 'langchain>=1.4'
    # vLLM can use the GPU
    # prints: True
    /home/ada/project/.venv/bin/python -c 'import sys; from vllm.platforms import current_platform; ok = current_platform.is_cuda_alike(); print(ok); sys.exit(not ok)'
}

main "$@" </dev/null
