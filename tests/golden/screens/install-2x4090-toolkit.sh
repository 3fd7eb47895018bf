#!/bin/sh
# toolkit: installation planned by llmcheck
set -eu

main() {
    # environment: shared
    # Accelerate: One training script for one or many GPUs; vLLM: Serving engine with paged attention; LangChain: Chains, agents and integrations around models
    # changes: torch 2.15.0 is replaced: vLLM pins torch==2.14.0
    # changes: may be replaced, for vLLM was last resolved with other releases: transformers 5.23.0 (5.19.0)
    # back with: /home/ada/project/.venv/bin/python -m pip install torch==2.15.0 transformers==5.23.0
    /home/ada/project/.venv/bin/python -m pip install 'accelerate>=1.15' 'vllm>=0.33' 'langchain>=1.4'
    # torch sees the GPU, and computes on it
    # prints: a version (==2.14.0 with vLLM 0.33.0), and True
    /home/ada/project/.venv/bin/python -c 'import sys, torch; ok = torch.cuda.is_available() and all((torch.ones(1).cuda(i) + 1).item() == 2 for i in range(torch.cuda.device_count())); print(torch.__version__, ok); sys.exit(not ok)'
    # the libraries import
    # prints: True, in the last line
    /home/ada/project/.venv/bin/python -c 'from accelerate import Accelerator; from langchain.agents import create_agent; import vllm; print(True)'
}

main "$@" </dev/null
