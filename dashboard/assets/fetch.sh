#!/usr/bin/env bash
# Copies what the pages show from node_modules into the folder that is embedded:
# go:embed reaches no folder above its package. Called by `make setup` after
# `npm ci`; safe and quick to run again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
from=../../node_modules
to=fetched

take() { # take FILE AS
  [[ -f "$from/$1" ]] || { echo "setup: node_modules/$1 is missing: run 'npm ci'" >&2; exit 1; }
  cmp -s "$from/$1" "$to/$2" || cp "$from/$1" "$to/$2"
}

take echarts/dist/echarts.min.js echarts.min.js
take echarts/LICENSE echarts.LICENSE.txt
take echarts/NOTICE echarts.NOTICE.txt

font=@fontsource-variable/noto-sans-sc
take $font/wght.css noto-sans-sc.css
take $font/LICENSE noto-sans-sc.LICENSE.txt
mkdir -p $to/files
for path in "$from/$font"/files/noto-sans-sc-*-wght-normal.woff2; do
  take "$font/files/${path##*/}" "files/${path##*/}"
done
