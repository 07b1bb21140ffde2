"""A stand-in for the diffusion model, for tests of batches, chunks, resume, cancel and cost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from songreel.nodes.host import port as host_port


class Killed(BaseException):
    """Stands for a process that dies: nothing in the pack catches it."""


class SmallHost(host_port.Host):
    """A host whose model maps noise and prompts to pictures by plain arithmetic, row by row."""

    name = "small"

    def __init__(self, root: Path, *, die_at_step: int | None = None):
        self.root, self.die_at_step = root, die_at_step
        self.steps = self.decodes = self.rows = 0
        self.batch_shapes: set[tuple] = set()
        self.updates, self.previews, self.texts = [], [], []

    def model_folders(self, kind):
        return []

    def output_dir(self):
        return self._folder("output")

    def save_place(self, prefix, width, height):
        return self.output_dir(), prefix, 1, ""

    def temp_dir(self):
        return self._folder("temp")

    def private_dir(self):
        return self._folder("private")

    def _folder(self, name):
        (self.root / name).mkdir(parents=True, exist_ok=True)
        return self.root / name

    def progress(self, total):
        host = self

        class Recorder(host_port.Progress):
            def update(self, done, preview=None):
                host.updates.append((done, total))
                if preview is not None:
                    host.previews.append(preview)

            def status(self, text):
                host.texts.append(text)

        return Recorder()

    def tokenize(self, text):
        return list(range(len(text.split())))

    def device(self):
        return torch.device("cpu")

    def model_names(self, kind):
        return []

    def check_interrupt(self):
        pass

    def node_id(self):
        return None

    def fingerprint(self, part):
        return str(part)

    def local_only(self):
        return True

    def encode_text(self, clip, text):
        chunks = 1 + len(text) // 60
        generator = torch.Generator().manual_seed(len(text) * 1000 + sum(map(ord, text)))
        return torch.randn((1, 77 * chunks, 768), generator=generator)

    def sample(self, model, noise, positive, negative, sampling):
        self.batch_shapes.add((tuple(noise.shape), tuple(positive.shape), tuple(negative.shape)))
        x = noise
        shifts = [0.05 * text.mean(dim=(1, 2))[:, None, None, None] for text in (positive, negative)]
        for step, sigma in enumerate(np.geomspace(14.6, 0.03, sampling.steps)):

            def evaluate(guided, x=x):
                self.rows += len(x) * (2 if guided else 1)
                return 0.9 * x + shifts[0], 0.9 * x + shifts[1] if guided else None

            if sampling.predict is not None:
                x = sampling.predict(step, x, float(sigma), evaluate)
            else:
                wanted, unwanted = evaluate(True)
                x = unwanted + (wanted - unwanted) * sampling.cfg
            self.steps += 1
            if self.die_at_step is not None and self.steps >= self.die_at_step:
                raise Killed
            if sampling.on_step is not None:
                sampling.on_step(step, x)
        return x

    def vae_encode(self, vae, pixels):
        raise NotImplementedError

    def vae_decode(self, vae, latent):
        self.decodes += len(latent)
        rgb = torch.sigmoid(latent[:, :3]).repeat_interleave(8, 2).repeat_interleave(8, 3)
        return rgb.permute(0, 2, 3, 1)

    def apply_lora(self, *_):
        raise NotImplementedError

    def free_memory(self):
        pass

    def video_from_file(self, path):
        return path

    def add_route(self, *_):
        pass

    def send_event(self, *_):
        pass
