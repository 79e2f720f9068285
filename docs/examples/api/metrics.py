"""The figures of the last 30 days as CSV: python metrics.py. Needs the scope reports:read."""

import csv
import os
import sys

import requests

answer = requests.get(
    f"{os.environ['PORTAL']}/api/v1/reports/metrics",
    params={"step": "day"},
    headers={"Authorization": f"Bearer {os.environ['TOKEN']}", "Accept-Language": "en"},
    timeout=30,
)
answer.raise_for_status()
report = answer.json()
table = csv.writer(sys.stdout)
table.writerow(["metric", "unit", "day", "value", "count", "over", "unknown"])
for metric in report["metrics"]:
    for point in metric["points"]:
        values = (point[name] for name in ("first", "value", "count", "over", "unknown"))
        table.writerow([metric["key"], metric["unit"], *values])
