#!/bin/sh
# inference-7b: installation planned by llmcheck
# llama.cpp: inference without a GPU, or with a small one, on quantised models; not vLLM, MLX LM: it works here too; what fits here is run best by llama.cpp; not TensorRT-LLM, Text Generation Inference: is a container, and docker is not installed
set -eu

main() {
    # environment: shared
    # PyTorch: driver 580.95.05, compute capability 8.6: cu132 is the newest build for both
    /home/ada/project/.venv/bin/python -m pip install 'torch>=2.14'
    # Transformers: Models, tokenizers and training loops from Hugging Face
    /home/ada/project/.venv/bin/python -m pip install 'transformers>=5.17'
    # llama.cpp through its Python binding, the project's own wheel for CUDA 13; libcudart and libcublas have to be installed
    /home/ada/project/.venv/bin/python -m pip install --only-binary=llama-cpp-python 'llama-cpp-python[server]>=0.3.30' --extra-index-url https://abetlen.github.io/llama-cpp-python/whl/cu130
    # torch sees the GPU and computes on it
    # prints: a version >=2.14, and True
    /home/ada/project/.venv/bin/python -c 'import sys, torch; ok = torch.__version__ >= (2, 14) and torch.cuda.is_available() and all((torch.ones(1).cuda(i) + 1).item() == 2 for i in range(torch.cuda.device_count())); print(torch.__version__, ok); sys.exit(not ok)'
    # the libraries import
    # prints: True in the last line
    /home/ada/project/.venv/bin/python -c 'from transformers import AutoConfig, AutoTokenizer; import llama_cpp; print(True)'
    # their versions are as planned
    # prints: that each is there already
    /home/ada/project/.venv/bin/python -m pip install --dry-run --no-index --no-deps 'transformers>=5.17' 'llama-cpp-python[server]>=0.3.30'
    # llama.cpp can use the GPU
    # prints: True
    /home/ada/project/.venv/bin/python -c 'import sys; import llama_cpp; ok = llama_cpp.llama_supports_gpu_offload(); print(ok); sys.exit(not ok)'
}

main "$@" </dev/null
