"""Runs API-format workflows here or on a running ComfyUI."""
