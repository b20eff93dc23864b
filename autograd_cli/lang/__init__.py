"""From text to a checked Program and to inputs. Nothing here imports torch or runs anything."""
