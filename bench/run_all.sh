#!/usr/bin/env bash
# Measures everything and writes bench/results/: save and load beside the raw limit and PyTorch's DCP,
# then the parts. Takes some 20 minutes of a machine that does nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."

mkdir -p bench/results
.venv/bin/python3 bench/compare.py --json bench/results/save_load.json "$@"
for part in blocks copy merge; do
  build/bin/bench_$part --benchmark_repetitions=5 --benchmark_report_aggregates_only=true \
    --benchmark_out=bench/results/$part.json --benchmark_out_format=json
done
