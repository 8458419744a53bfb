#!/usr/bin/env bash
# Installs what is missing, builds, and runs everything that CI runs: format and lint, the tests of
# the release build, and those that need no torch again with ASan and UBSan. Results: build/junit.xml
# and build-asan/junit.xml. With --all, the tests that need no torch with MPICH as well (build-mpich),
# and in the release build five minutes of power cuts and an hour of random states.
set -euo pipefail
cd "$(dirname "$0")/.."

presets=(release asan)
packages=()
long=()  # how long tests go on that draw what they try
if [ "${1:-}" = --all ]; then
  presets+=(mpich)
  packages=(mpich libmpich-dev libhdf5-mpich-dev)
  long=(H5DCP_POWERCUT_SECONDS=300 H5DCP_RANDOM_SECONDS=900)  # random_state runs at 4 sizes
fi

scripts/install-deps.sh "${packages[@]}"

echo "== format"
git ls-files '*.cpp' '*.hpp' | xargs clang-format --dry-run --Werror

failed=0
for preset in "${presets[@]}"; do
  folder=build
  [ "$preset" = release ] || folder=build-$preset
  echo "== build: $preset"
  cmake --preset "$preset" --log-level=WARNING
  cmake --build --preset "$preset"
  if [ "$preset" = release ]; then
    echo "== lint"
    scripts/lint.py build
  fi
  echo "== test: $preset"
  settings=()
  [ "$preset" = release ] && settings=("${long[@]}")
  env "${settings[@]}" ctest --preset "$preset" --parallel "$(nproc)" --output-junit junit.xml || failed=1
done
exit $failed
