"""What the gateway costs in time and memory: each program prints the ratios of one interleaved run and stores them."""
