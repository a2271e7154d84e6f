"""Array kernels with one contract and several bodies: NumPy, numba, CUDA."""
