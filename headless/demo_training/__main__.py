"""`python -m headless.demo_training DIR`: train the demo model and its judge in DIR, or go on with them."""

import argparse
import logging
from pathlib import Path

parser = argparse.ArgumentParser(prog="python -m headless.demo_training", description=__doc__)
parser.add_argument("folder", type=Path, help="for pictures, states and the finished files; about 4 GB")
logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
from .judge import train_judge  # noqa: E402
from .train import train  # noqa: E402

folder = parser.parse_args().folder
print(train(folder))
judge = folder / "judge.safetensors"
if not judge.is_file():
    train_judge(judge)
print(judge)
