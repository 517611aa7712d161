#!/usr/bin/env bash
# Gets what the program and its tests need beside Go: the ClickHouse engine and
# ECharts from npm, Apache Kafka by Maven and, on Debian as root, a C compiler for
# the race detector, Chromium, a CJK font, poppler, Java and Maven from apt. What
# can't be got is named with the command that gets it. Running it again is safe,
# and quick when nothing changed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() { echo "setup: $*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

have go || fail "Go 1.26 is missing: see https://go.dev/doc/install"
have npm || fail "npm is missing: install Node.js 20 or newer, on Debian 'apt-get install nodejs npm'"

# npm ci removes and unpacks half a gigabyte, so it runs only when what is
# installed is not what the lock file says.
hash_of() { git hash-object "$@" | tr '\n' ' '; }
stamp=node_modules/.youzhi-installed
want="$(hash_of package.json package-lock.json .npmrc) $(uname -sm)"
if [[ ! -f $stamp || "$(<"$stamp")" != "$want" ]]; then
  echo "setup: fetching the engine and ECharts with npm ci"
  npm ci --ignore-scripts --no-progress --loglevel=error
  echo "$want" >"$stamp"
fi
compgen -G 'node_modules/@chdb/lib-*/libchdb.so' >/dev/null ||
  echo "setup: npm has no ClickHouse engine for $(uname -sm): name a server by YOUZHI_CLICKHOUSE_DSN" >&2
bash dashboard/assets/fetch.sh

# chromium_found also takes the names other systems give the browser.
chromium_found() {
  have chromium || have chromium-browser || have google-chrome || have google-chrome-stable ||
    [[ -d "/Applications/Google Chrome.app" || -d /Applications/Chromium.app ]]
}
# The font is looked for by its files: fontconfig itself may be missing.
cjk_font_found() {
  [[ "$(uname -s)" == Darwin ]] && return 0
  compgen -G '/usr/share/fonts/*/noto/NotoSansCJK*' >/dev/null ||
    compgen -G '/usr/share/fonts/*/NotoSansCJK*' >/dev/null ||
    { have fc-list && [[ -n "$(fc-list :lang=zh family 2>/dev/null)" ]]; }
}
# java_found looks for Java 17 or newer; java 1.8 calls itself version "1.8.0".
java_found() {
  have java && [[ "$(java -version 2>&1)" =~ version\ \"([0-9]+) ]] && ((BASH_REMATCH[1] >= 17))
}
missing_packages() {
  have gcc || have clang || printf 'gcc libc6-dev '
  chromium_found || printf 'chromium '
  cjk_font_found || printf 'fonts-noto-cjk '
  { have pdftotext && have pdftoppm; } || printf 'poppler-utils '
  java_found || printf 'openjdk-17-jre-headless '
  have mvn || printf 'maven '
}

missing="$(missing_packages)"
if [[ -n $missing ]] && have apt-get && [[ $EUID -eq 0 ]]; then
  echo "setup: installing ${missing% } with apt-get"
  log="$(mktemp)"
  export DEBIAN_FRONTEND=noninteractive
  # shellcheck disable=SC2086 # a list of package names is meant to split
  if ! { apt-get update && apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
  fi
  rm -f "$log"
  missing="$(missing_packages)"
fi
if [[ -n $missing ]]; then
  {
    echo "setup: still missing: ${missing% }"
    echo "setup: tests need gcc and Chromium, PDF reports need Chromium and the font, tests of PDFs need poppler-utils, tests with Apache Kafka need Java 17 and Maven"
    if have apt-get; then
      echo "setup: get them with: sudo apt-get update && sudo apt-get install ${missing% }"
    elif [[ "$(uname -s)" == Darwin ]]; then
      echo "setup: get them with: xcode-select --install; brew install poppler openjdk@17 maven; brew install --cask chromium"
    else
      echo "setup: get them from your system's packages; those are Debian's names"
    fi
  } >&2
fi

# The tests look for the stamp: it is written when all of it is there.
stamp=bin/kafka/.youzhi-installed
want="$(hash_of deploy/kafka/pom.xml)"
if java_found && have mvn && [[ ! -f $stamp || "$(<"$stamp")" != "$want" ]]; then
  echo "setup: fetching Apache Kafka with mvn"
  rm -rf bin/kafka
  if mvn -B -q -f deploy/kafka/pom.xml dependency:copy-dependencies; then
    echo "$want" >"$stamp"
  else
    echo "setup: Maven could not fetch Apache Kafka: the tests with it will not run" >&2
  fi
fi
