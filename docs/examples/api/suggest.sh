#!/bin/sh
# What may be meant while somebody types, which is recorded nowhere: sh suggest.sh pass
set -eu
curl --fail-with-body --silent --show-error --get "$PORTAL/api/v1/suggest" \
  --data-urlencode "q=$1" \
  --data "language=en"
