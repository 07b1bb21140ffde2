"""The port: everything the pack asks of the program around it, and ComfyUI's answer."""
