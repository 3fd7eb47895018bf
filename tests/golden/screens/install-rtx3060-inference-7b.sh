#!/bin/sh
# inference-7b: installation planned by llmcheck
# vLLM: every inference tier with an NVIDIA GPU: serves many requests at once; not llama.cpp: it works here too; vLLM comes first in the document; not TensorRT-LLM, Text Generation Inference: is a container, and docker is not installed
set -eu

main() {
    # environment: shared
    # Transformers: Models, tokenizers and training loops from Hugging Face; vLLM: Serving engine with paged attention
    /home/ada/project/.venv/bin/python -m pip install 'transformers>=5.17' 'vllm>=0.32'
    # torch sees the GPU
    # prints: a version ==2.13.0, and True
    /home/ada/project/.venv/bin/python -c 'import sys, torch; ok = torch.cuda.is_available(); print(torch.__version__, ok); sys.exit(not ok)'
    # the libraries import
    # prints: True, in the last line
    /home/ada/project/.venv/bin/python -c 'from transformers import AutoConfig, AutoTokenizer; import vllm; print(True)'
}

main "$@" </dev/null
