"""What is known of diffusion models: checkpoint files, motion modules, samplers' noise, attention."""
