#!/usr/bin/env bash
# Installs what h5dcp needs on Debian 12: packages, those named as arguments as well, and a Python
# environment in .venv at the root of the project. Says what it does; does nothing, and needs no root,
# when nothing is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
  g++ make cmake ninja-build pkg-config git python3 python3-venv
  openmpi-bin libopenmpi-dev libhdf5-openmpi-dev hdf5-tools
  libcli11-dev libfmt-dev libspdlog-dev nlohmann-json3-dev libxxhash-dev libzstd-dev zlib1g-dev
  libgtest-dev librapidcheck-dev libbenchmark-dev clang-format clang-tidy doxygen strace
  clang libclang-rt-14-dev  # their libFuzzer
  munge slurmctld slurmd slurm-client  # without a slurm.conf no daemon of Slurm starts
)
modules=(torch numpy h5py hdf5plugin safetensors pytest)

missing=()
for package in "${packages[@]}" "$@"; do
  status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
  [ "$status" = "install ok installed" ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "install-deps: installing ${missing[*]}"
  root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "install-deps: needs root for that" >&2; exit 1; }
    root=(sudo)
  fi
  "${root[@]}" apt-get update -qq
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

# Looks at what is installed without importing it: importing torch takes seconds.
lacking() {
  "$1" - "${modules[@]}" <<'PYTHON'
import importlib.util, sys
print(*[name for name in sys.argv[1:] if importlib.util.find_spec(name) is None])
PYTHON
}

if [ ! -x .venv/bin/python3 ]; then
  options=()
  if [[ " $(lacking python3) " != *" torch "* ]]; then
    options=(--system-site-packages)  # the user's own torch, not a second one of 5 GB
  fi
  echo "install-deps: making .venv ${options[*]}"
  python3 -m venv "${options[@]}" .venv
fi
wanted=$(lacking .venv/bin/python3)
if [ -n "$wanted" ]; then
  echo "install-deps: installing into .venv: $wanted"
  # shellcheck disable=SC2086  # one word a module
  .venv/bin/python3 -m pip install --quiet --disable-pip-version-check $wanted
fi
