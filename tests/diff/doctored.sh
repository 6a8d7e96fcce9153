#!/bin/sh
# Stands for another release: REAL_BUILD, which says of no corridor-month that an analyst should look.
set -eu
"$REAL_BUILD" "$@" | sed '/"kind":"corridor"/s/"band":"review"/"band":"watch"/'
