#!/bin/sh
# finetune-7b: installation planned by llmcheck
set -eu

# environment: shared
# PyTorch: no GPU that PyTorch could use: the CPU build saves about 3 GB of CUDA libraries
/home/ada/project/.venv/bin/python -m pip install 'torch>=2.14' --index-url https://download.pytorch.org/whl/cpu
# Transformers: Models, tokenizers and training loops from Hugging Face; Accelerate: One training script for one or many GPUs; PEFT: LoRA and other fine-tuning of few parameters
/home/ada/project/.venv/bin/python -m pip install 'transformers>=5.0' 'accelerate>=1.10' 'peft>=0.18'
# note: PyTorch: The documented line also installs torchaudio, which then fails at import; older GPUs and drivers need another wheel index, and PyPI's Windows wheel is CPU-only.
# note: Transformers: It does not pull in torch: install torch first to run models.
