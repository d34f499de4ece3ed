# `make demo` and `make test` set up what they need first; nothing else has to be typed before.
#   ARGS="…"    goes to the command:  make demo ARGS="--goals 2"    make test ARGS="-k poses"
#   PYTHON=…    which Python to use;  TORCH="torch==2.13.0"  another PyTorch, such as a CUDA build

SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
# Not $(dir …): make would take a path with a space in it for two.
ROOT := $(shell cd "$$(dirname '$(strip $(MAKEFILE_LIST))')" && pwd)
RUN := cd '$(ROOT)' && . scripts/env.sh &&
ARGS ?=
export PYTHON TORCH

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format doctor clean

help:  ## show this list
	@echo 'make <target>, where <target> is one of'
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  %-8s %s\n", $$1, $$2}' '$(ROOT)/Makefile'

demo: setup  ## a simulated Franka arm reaches goal pictures; leaves a video, a plot and a summary
	@$(RUN) jepa-wm demo $(ARGS)

test: setup  ## run all tests
	@'$(ROOT)/scripts/test_browser.sh'
	@$(RUN) python -m pytest $(ARGS)

setup:  ## install what is needed; done in an instant when it is there
	@'$(ROOT)/scripts/setup.sh'

lint: setup  ## style and types
	@$(RUN) ruff check . && ruff format --check . && mypy

format: setup  ## put the code into the house style
	@$(RUN) ruff check --fix . && ruff format .

doctor: setup  ## look for what could be wrong on this machine
	@$(RUN) jepa-wm doctor

clean:  ## remove everything that set-up and builds created (not runs/)
	@cd '$(ROOT)' && rm -rf .venv .venv-* .setup.log .setup.lock build install log \
	  ros2_ws/build ros2_ws/install ros2_ws/log *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find '$(ROOT)' -name __pycache__ -type d -prune -exec rm -rf {} +
