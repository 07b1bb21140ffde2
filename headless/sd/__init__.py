"""Stable Diffusion 1.5 on diffusers and transformers, with ComfyUI's results and no model hub."""
