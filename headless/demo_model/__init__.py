"""The demo model: a small diffusion model of SD1.5's form, for the headless host only. README.md here says more."""

from pathlib import Path

CHECKPOINT = Path(__file__).with_name("songreel_demo.safetensors")
# What stories are told in when this model paints them: the places, colours and people it knows.
VOCABULARY = Path(__file__).with_name("vocabulary.json")
JUDGE = Path(__file__).with_name("judge.safetensors")
# What its pictures are made with unless the user asks for something else.
SIZE, STEPS, CFG = 256, 8, 5.0
