# The shared library behind ML-KEM-512 and sntrup761, built once into the per-user cache (about half a minute), then only checked.
# PYTHON is the interpreter of the virtual environment that has the development dependencies (cmake, ninja).
PYTHON ?= .venv/bin/python

.PHONY: liboqs
liboqs:
	@PYTHONPATH=$(CURDIR) $(PYTHON) tools/build_liboqs.py

.PHONY: clean-liboqs
clean-liboqs:
	rm -rf "$${XDG_CACHE_HOME:-$$HOME/.cache}/ipsec-interop/liboqs"
