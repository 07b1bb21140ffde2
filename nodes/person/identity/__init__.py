"""Identity -> LoRA: a verified person, or a drawn subject, learnt by a Stable Diffusion 1.5 model."""
