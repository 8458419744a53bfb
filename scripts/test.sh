#!/usr/bin/env bash
# Installs what is missing, builds, and runs everything that CI runs: format and lint, the tests of
# the release build, and those that need no torch again with ASan and UBSan. Results: build/junit.xml
# and build-asan/junit.xml. With --all, the tests that need no torch with MPICH as well (build-mpich), and
# five minutes of power cuts.
set -euo pipefail
cd "$(dirname "$0")/.."

presets=(release asan)
packages=()
powercut_seconds=0
if [ "${1:-}" = --all ]; then
  presets+=(mpich)
  packages=(mpich libmpich-dev libhdf5-mpich-dev)
  powercut_seconds=300
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
  seconds=0  # of power cuts, beside a small sample
  [ "$preset" = release ] && seconds=$powercut_seconds
  H5DCP_POWERCUT_SECONDS=$seconds ctest --preset "$preset" --parallel "$(nproc)" --output-junit junit.xml || failed=1
done
exit $failed
