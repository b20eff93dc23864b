"""Program + inputs + mode → Trace. The only package that imports torch."""
