import pytest
import torch

from headless.sd.vae import vae_decode, vae_encode
from songreel.nodes.base.errors import InputError
from support.demo_parts import demo_parts


@pytest.mark.parametrize("height, width", [(64, 64), (64, 80), (70, 67)])
def test_encode_crops_to_eights(height, width):
    pixels = torch.rand(2, height, width, 3, generator=torch.Generator().manual_seed(0))
    latent = vae_encode(demo_parts()[2], pixels)
    assert latent.shape == (2, 4, height // 8, width // 8) and latent.dtype == torch.float32
    top, left = height % 8 // 2, width % 8 // 2
    cropped = pixels[:, top : top + height // 8 * 8, left : left + width // 8 * 8]
    assert torch.equal(vae_encode(demo_parts()[2], cropped), latent)


def test_decode_gives_pictures():
    latent = torch.randn(3, 4, 8, 10, generator=torch.Generator().manual_seed(1)) * 4
    pictures = vae_decode(demo_parts()[2], latent)
    assert pictures.shape == (3, 64, 80, 3) and pictures.dtype == torch.float32
    assert pictures.min() >= 0 and pictures.max() <= 1
    assert torch.equal(vae_decode(demo_parts()[2], latent[1:2]), pictures[1:2])


@pytest.mark.parametrize("shape", [(1, 4, 64, 3), (64, 64, 3), (1, 64, 64, 1)])
def test_bad_pictures(shape):
    with pytest.raises(InputError, match="8x8"):
        vae_encode(demo_parts()[2], torch.zeros(shape))


def test_a_latent_of_another_kind():
    with pytest.raises(InputError, match=r"\(1, 16, 8, 8\)"):
        vae_decode(demo_parts()[2], torch.zeros(1, 16, 8, 8))
