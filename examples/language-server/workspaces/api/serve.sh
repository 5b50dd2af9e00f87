#!/usr/bin/env bash
# Serves the API on a port.
serve() {
  local port="$1"
  echo "serving the API on ${port}"
}

serve 8080
