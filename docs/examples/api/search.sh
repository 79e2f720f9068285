#!/bin/sh
# Search, as a person who has submitted it: sh search.sh "printer offline"
set -eu
curl --fail-with-body --silent --show-error --get "$PORTAL/api/v1/search" \
  --data-urlencode "q=$1" \
  --data "language=en" \
  --data "limit=5"
