"""The headless host: runs the pack's workflows on a machine that has no ComfyUI."""

from .pack import register

register()
