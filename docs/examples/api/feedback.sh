#!/bin/sh
# Say that an article did not help: sh feedback.sh en reset-password
set -eu
curl --fail-with-body --silent --show-error "$PORTAL/api/v1/articles/$1/$2/feedback" \
  --json '{"is_helpful": false, "reason": "unclear", "comment": "Step 2 is missing a picture."}' \
  --write-out "%{http_code}\n"
