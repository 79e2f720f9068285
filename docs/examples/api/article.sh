#!/bin/sh
# Read an article only where it has changed: sh article.sh de reset-password
# The ETag of the copy is kept beside it; with the same one nothing is sent again.
set -eu
curl --fail-with-body --silent --show-error "$PORTAL/api/v1/articles/$1/$2" \
  --etag-compare "$2.$1.etag" \
  --etag-save "$2.$1.etag" \
  --output "$2.$1.json" \
  --write-out "%{http_code}\n"
