#!/bin/sh
# Write to colleagues on a ticket; needs the scope tickets:write: sh note.sh 42 "The disk was replaced."
set -eu
curl --fail-with-body --silent --show-error "$PORTAL/api/v1/tickets/$1/actions" \
  --header "Authorization: Bearer $TOKEN" \
  --json "{\"action\": \"note\", \"text\": \"$2\"}"
