#!/bin/sh
# Stands for a build that does not do its work: says REAL_BUILD_SAYS, and ends as REAL_BUILD_ENDS has it.
echo "$REAL_BUILD_SAYS"
echo "the ink has run out" >&2
exit "$REAL_BUILD_ENDS"
