"""Sections of the HTML page, one module each, and what they share: the context, the style and the image grid."""
