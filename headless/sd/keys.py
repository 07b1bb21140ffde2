"""Names of SD1.5's weights, as the pack maps them (nodes/sd15/keys.py)."""

from .. import pack

_keys = pack.load("nodes.sd15.keys")
UNET_PREFIX, VAE_PREFIX, TEXT_PREFIX = _keys.UNET_PREFIX, _keys.VAE_PREFIX, _keys.TEXT_PREFIX
unet_key, vae_key, text_key = _keys.unet_key, _keys.vae_key, _keys.text_key
