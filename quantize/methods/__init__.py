"""Ways to quantise vectors, a file each, all behind `quantize.quantizers.Quantizer`."""
