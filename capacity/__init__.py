"""From headroom to hosted load and compute: composes grids, scenarios and cuda_kernels."""
