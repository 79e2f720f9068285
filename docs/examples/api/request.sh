#!/bin/sh
# Send a request once, however often this is run again: sh request.sh
set -eu
curl --fail-with-body --silent --show-error "$PORTAL/api/v1/requests" \
  --header "Idempotency-Key: monitoring-2026-11-22-disk-7" \
  --json '{
    "name": "Ada Berg",
    "email": "ada@example.com",
    "subject": "Disk 7 is nearly full",
    "description": "98 per cent of /srv are used.",
    "language": "en",
    "urgency": 4
  }'
