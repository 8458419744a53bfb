#!/usr/bin/env bash
# Measures everything, writes bench/results/, and prints what was measured beside what is aimed at: save and load beside
# the raw limit and PyTorch's DCP, loads by other ranks, the parts. Takes less than 20 minutes of a machine that does
# nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."

mkdir -p bench/results
ways="--way raw --way raw_each --way automatic --way warm --way dcp"
.venv/bin/python3 bench/compare_dcp.py --case small --place /dev/shm $ways --json bench/results/small.json
.venv/bin/python3 bench/compare_dcp.py --case rows --case columns $ways --way unchecked --way chunked --json bench/results/large.json
# More ranks than this machine has cores: to see, not to aim at.
four="--ranks 4 --pairs 3 --place /dev/shm --way raw_each --way automatic"
.venv/bin/python3 bench/compare_dcp.py $four --case small --way warm --json bench/results/small_4.json
.venv/bin/python3 bench/compare_dcp.py $four --case rows --case columns --way dcp --json bench/results/large_4.json
.venv/bin/python3 bench/compare_loads.py --place /dev/shm --json bench/results/loads.json
.venv/bin/python3 bench/memory.py --place /dev/shm --json bench/results/memory.json
for part in blocks box copy digest flatten merge plan_wire reshard skeleton tile; do
  build/bin/bench_$part --benchmark_min_time=0.1 --benchmark_repetitions=3 --benchmark_report_aggregates_only=true \
    --benchmark_out=bench/results/$part.json --benchmark_out_format=json
done

# What planning costs the worst rank: 64 items and, on average, 16 owned names a rank, whatever the world size; then
# one name that all ranks hold.
{
  echo '['
  build/bin/bench_negotiation --ranks 512 --tensors 1024 --holders 512 --repetitions 5
  for ranks in 64 256 1024 4096 16384 65536; do
    echo ','
    build/bin/bench_negotiation --ranks $ranks --tensors $((16 * ranks)) --holders 4 --repetitions 3
    echo ','
    build/bin/bench_negotiation --ranks $ranks --tensors 1 --holders $ranks --repetitions 5
  done
  echo ']'
} >bench/results/negotiation.json
bench/plot_scale.py bench/results/negotiation.json bench/results/negotiation.svg
bench/targets.py
