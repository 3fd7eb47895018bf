#!/bin/sh
# inference-7b: installation planned by llmcheck
# vLLM: every inference tier with an NVIDIA GPU: serves many requests at once; not llama.cpp: it works here too; vLLM comes first in the document; not TensorRT-LLM, Text Generation Inference: is a container, and docker is not installed
set -eu

main() {
    # environment: shared
    # Transformers: Models, tokenizers and training loops from Hugging Face; vLLM: Serving engine with paged attention
    /home/ada/project/.venv/bin/python -m pip install 'transformers>=5.17' 'vllm>=0.33'
    # torch sees the GPU and computes on it
    # prints: a version (==2.14.0 with vLLM 0.33.0), and True
    /home/ada/project/.venv/bin/python -c 'import sys, torch; ok = torch.cuda.is_available() and all((torch.ones(1).cuda(i) + 1).item() == 2 for i in range(torch.cuda.device_count())); print(torch.__version__, ok); sys.exit(not ok)'
    # the libraries import
    # prints: True in the last line
    /home/ada/project/.venv/bin/python -c 'from transformers import AutoConfig, AutoTokenizer; import vllm; print(True)'
}

main "$@" </dev/null
