#!/bin/sh
# finetune-7b: installation planned by llmcheck
# Accelerate: inference that spreads a model, and every fine-tuning tier; not DeepSpeed: it works here too; Accelerate comes first in the document
set -eu

main() {
    # environment: shared
    # PyTorch: no GPU that PyTorch could use: the CPU build saves about 3 GB of CUDA libraries
    /home/ada/project/.venv/bin/python -m pip install 'torch>=2.14' --index-url https://download.pytorch.org/whl/cpu
    # Transformers: Models, tokenizers and training loops from Hugging Face; Accelerate: One training script for one or many GPUs; PEFT: LoRA and other fine-tuning of few parameters
    /home/ada/project/.venv/bin/python -m pip install 'transformers>=5.17' 'accelerate>=1.15' 'peft>=0.21'
    # torch imports
    # prints: a version >=2.14, and True
    /home/ada/project/.venv/bin/python -c 'import sys, torch; ok = torch.__version__ >= (2, 14); print(torch.__version__, ok); sys.exit(not ok)'
    # the libraries import
    # prints: True in the last line
    /home/ada/project/.venv/bin/python -c 'from transformers import AutoConfig, AutoTokenizer; from accelerate import Accelerator; from peft import LoraConfig; print(True)'
    # their versions are as planned
    # prints: that each is there already
    /home/ada/project/.venv/bin/python -m pip install --dry-run --no-index --no-deps 'transformers>=5.17' 'accelerate>=1.15' 'peft>=0.21'
}

main "$@" </dev/null
