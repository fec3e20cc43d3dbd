#!/usr/bin/env bash
# Installs what is missing. Arguments name groups: app (to build and run), test (to run every test), check (to lint),
# fuzz (to fuzz).
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "deps: $*" >&2; }
die() { say "$*"; exit 1; }

command -v cargo >/dev/null || die "cargo is missing: install Rust 1.95 or newer (rustup), then run this again"
command -v npm >/dev/null || die "npm is missing: install Node 20.19 or newer with npm, then run this again"

apt_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  command -v apt-get >/dev/null || die "these packages are missing, and there is no apt-get to install them: ${missing[*]}"
  local sudo=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "run as root, or install by hand: apt-get install ${missing[*]}"
    sudo=(sudo)
  fi
  say "installing ${missing[*]}"
  "${sudo[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

cargo_tool() { # crate, version, command
  command -v "$3" >/dev/null && return
  say "building $1 $2 (once)"
  cargo install --locked --quiet "$1" --version "$2"
}

npm_packages() { # folder
  # A stamp of the lock file tells whether node_modules is up to date.
  local stamp=$1/node_modules/.gwanje-lock
  if ! cmp -s "$1/package-lock.json" "$stamp" 2>/dev/null; then
    say "installing npm packages of $1"
    # Not `npm ci`: it refuses a lock file without the optional packages of other platforms, which a mirror of the
    # registry need not carry. This installs what the lock file says, too, and leaves it alone.
    npm --prefix "$1" install --no-save --no-audit --no-fund --loglevel=error >&2
    cp "$1/package-lock.json" "$stamp"
  fi
}

for group in "$@"; do
  case "$group" in
    app)
      apt_packages build-essential pkg-config libssl-dev libwebkit2gtk-4.1-dev libayatana-appindicator3-dev librsvg2-dev \
        libasound2-dev fonts-noto-cjk
      npm_packages ui
      ;;
    test)
      apt_packages procps faketime xvfb xauth dbus-x11 webkit2gtk-driver chromium imagemagick python3 python3-socketio python3-requests python3-websocket rabbitmq-server postgresql redis-server haproxy openssl util-linux
      npm_packages tests/peers
      cargo_tool cargo-nextest 0.9.143 cargo-nextest
      cargo_tool tauri-driver 2.1.0 tauri-driver
      ;;
    check)
      cargo_tool cargo-deny 0.20.2 cargo-deny
      ;;
    coverage)
      cargo_tool cargo-nextest 0.9.143 cargo-nextest
      cargo_tool cargo-llvm-cov 0.9.1 cargo-llvm-cov
      rustup component list --installed 2>/dev/null | grep -q '^llvm-tools' || rustup component add llvm-tools >&2 ||
        die "the toolchain lacks llvm-tools: rustup component add llvm-tools"
      ;;
    faults)
      apt_packages build-essential pkg-config libssl-dev procps
      ;;
    fuzz)
      apt_packages build-essential
      cargo_tool cargo-fuzz 0.13.2 cargo-fuzz
      ;;
    *) die "unknown group '$group' (app, test, check, coverage, faults, fuzz)" ;;
  esac
done
