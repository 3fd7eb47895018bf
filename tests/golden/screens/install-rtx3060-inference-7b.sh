#!/bin/sh
# inference-7b: installation planned by llmcheck
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
