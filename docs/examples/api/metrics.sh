#!/bin/sh
# Two figures of one month by week; needs the scope reports:read: sh metrics.sh
set -eu
curl --fail-with-body --silent --show-error --get "$PORTAL/api/v1/reports/metrics" \
  --header "Authorization: Bearer $TOKEN" \
  --data "keys=zero_result_rate" \
  --data "keys=search_success" \
  --data "first=2026-10-01" \
  --data "last=2026-10-31" \
  --data "step=week"
