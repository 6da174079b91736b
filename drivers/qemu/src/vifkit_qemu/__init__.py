"""QEMU and KVM, by libvirt."""
