"""A small Linux that QEMU boots, and that receives and sends as the suite asks."""
