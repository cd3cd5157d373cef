"""What the kernels of several stages share: how their machine code is made and kept, and hashes written as code."""
