"""Every measurement of `make bench`, in one run; exits with 1 if a target is missed.

The machine need not be idle: each row is the ratio of two things that were timed in
turn, round after round, and the median over the rounds.
"""

import sys

import bench_batch_norm
import bench_layers
import bench_training


def main() -> int:
    met = []
    for part in (bench_batch_norm, bench_layers, bench_training):
        met.append(part.main())
        print()
    print("All targets met." if all(met) else "Some targets were missed: see above.")
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
