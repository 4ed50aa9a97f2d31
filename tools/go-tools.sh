# Programs of others that are built from the Go module proxy, once, into a cache outside the tree. Sourced by kube-up,
# helm and setup.

go_cache="${EPP_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/epp-host}"
go_tools_repo="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

# The first Go that is new enough (1.25); nothing if there is none. Debian 12's own is 1.19.
find_go() {
  local go version
  for go in "$(command -v go || true)" /usr/local/go/bin/go "$go_tools_repo/.venv/bin/go"; do
    [[ -x "$go" ]] || continue
    version="$(GOTOOLCHAIN=local "$go" version 2>/dev/null | sed -n 's/.* go1\.\([0-9]*\).*/\1/p')"
    if [[ "${version:-0}" -ge 25 ]]; then
      echo "$go"
      return
    fi
  done
  return 1
}

# build_once FILE COMMAND...: makes $go_cache/FILE by COMMAND, which writes to the path in $output. Others that want it
# at the same time wait. Whoever finds the file finds a whole one.
build_once() {
  local target="$go_cache/$1" go
  [[ ! -x "$target" ]] || return 0
  go="$(find_go)" || {
    echo "no Go 1.25 or newer here: run tools/setup" >&2
    return 1
  }
  mkdir -p "$go_cache"
  (
    flock 9
    [[ ! -x "$target" ]] || exit 0
    output="$go_cache/.draft-$1"
    echo "building $1 (minutes, once)" >&2
    export go output CGO_ENABLED=0 GOTOOLCHAIN=local
    "${@:2}" && mv "$output" "$target"
  ) 9>"$go_cache/.lock"
}
