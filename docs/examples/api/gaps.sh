#!/bin/sh
# What people ask most and nothing answers; needs the scope gaps:read: sh gaps.sh
set -eu
curl --fail-with-body --silent --show-error --get "$PORTAL/api/v1/gaps" \
  --header "Authorization: Bearer $TOKEN" \
  --data "language=en" \
  --data "limit=10"
