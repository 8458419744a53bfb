#!/usr/bin/env bash
# Trains a small GPT on 2 ranks, interrupts it after 10 of 20 steps, and lets it go on with 2, 3 and 1
# ranks: with 2 the losses must have the same digits, with others they may differ in the last ones.
# Then shows what is in the checkpoint. Everything stays in build/demo.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-deps.sh
echo "== build"
cmake --preset release --log-level=WARNING
cmake --build --preset release --target h5dcp_trainer h5dcp_tool
PATH=$PWD/build/bin:$PATH

rm -rf build/demo
mkdir -p build/demo
cd build/demo

export OMP_NUM_THREADS=1                                        # the ranks share the cores already
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1  # as in most containers

# train RANKS NAME [OPTION...]: trains with the checkpoints in NAME/, says so, and keeps the output.
train() {
  local ranks=$1 name=$2
  shift 2
  echo "mpiexec -n $ranks h5dcp-trainer --steps 20 --save-every 10 --checkpoint $name $*"
  mpiexec -n "$ranks" --oversubscribe --mca mpi_yield_when_idle 1 \
    h5dcp-trainer --steps 20 --save-every 10 --checkpoint "$name" "$@" >"$name.txt"
  grep '^resumed' "$name.txt" || true
}

# losses NAME: "step loss" of the steps after the 10th.
losses() { awk '$1 == "step" && $2 > 10 { print $2, $4 }' "$1.txt"; }

echo "== train"
train 2 whole
for ranks in 2 3 1; do
  mkdir "resumed_$ranks"
  cp whole/step_10.h5 "resumed_$ranks/"
  train "$ranks" "resumed_$ranks" --resume
done

echo "== losses"
paste -d ' ' <(losses whole) <(losses resumed_2) <(losses resumed_3) <(losses resumed_1) | awk '
  function difference(a, b) { return a > b ? a - b : b - a }
  BEGIN { printf "%4s  %15s  %15s  %15s  %15s\n", "step", "uninterrupted", "then 2 ranks", "then 3 ranks", "then 1 rank" }
  {
    printf "%4d  %15s  %15s  %15s  %15s\n", $1, $2, $4, $6, $8
    if ($2 != $4) digits = "not "
    for (column = 4; column <= 8; column += 2) {
      if (NF != 8 || $1 != $(column - 1)) incomplete = 1
      if (difference($2, $column) > largest[column]) largest[column] = difference($2, $column)
    }
  }
  END {
    printf "%21s  %15.9f  %15.9f  %15.9f\n", "largest difference", largest[4], largest[6], largest[8]
    printf "2 ranks: %sthe same digits\n", digits
    exit NR != 10 || incomplete || digits != "" || largest[6] > 1e-4 || largest[8] > 1e-4
  }' || { echo "demo: the resumed runs are not what they should be" >&2; exit 1; }

checkpoint=whole/step_20.h5
echo "== h5dump -H -g /state/model $checkpoint (the first 40 lines)"
h5dump -H -g /state/model "$checkpoint" | sed -n '1,40p'
echo "== h5dcp ls $checkpoint (the first 20 lines)"
h5dcp ls "$checkpoint" | sed -n '1,20p'
echo "== h5dcp verify $checkpoint"
h5dcp verify "$checkpoint"
