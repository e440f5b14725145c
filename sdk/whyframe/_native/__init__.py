"""The one loader of compiled code. This version carries none."""
