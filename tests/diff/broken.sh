#!/bin/sh
# Stands for a build that does not do its work: says REAL_BUILD_SAYS, and ends as REAL_BUILD_ENDS has it. Balances its books where it
# says anything.
echo "$REAL_BUILD_SAYS"
echo "the ink has run out" >&2
while [ $# -gt 0 ]; do
    if [ "$1" = --summary ] && [ -n "$REAL_BUILD_SAYS" ]; then echo '{}' >"$2"; fi
    shift
done
exit "$REAL_BUILD_ENDS"
