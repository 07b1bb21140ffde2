"""Songreel: a song becomes a beat-synchronised Stable Diffusion 1.5 music video, inside ComfyUI."""

WEB_DIRECTORY = "./web"


async def comfy_entrypoint():
    """ComfyUI's V3 entry point: the extension that lists this pack's nodes."""
    from .nodes import extension

    return extension()
