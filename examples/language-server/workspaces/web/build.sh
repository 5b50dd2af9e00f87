#!/usr/bin/env bash
source ./colours.sh

# Builds the pages.
build() {
  echo "building the pages"
}

build
