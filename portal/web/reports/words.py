"""The words of reports: what each figure is called, and what exactly it is."""

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp

from portal.metrics import Dimension, Step

# Translators: names of figures, as headings.
NAME = {
    "searches": _lp("metric", "Searches"),
    "zero_result_rate": _lp("metric", "Searches without a result"),
    "search_success": _lp("metric", "Search success"),
    "click_mrr": _lp("metric", "Ranking of opened results"),
    "self_service_score": _lp("metric", "Self-service score"),
    "deflection": _lp("metric", "Requests avoided"),
    "failed_deflection": _lp("metric", "Requests despite an article"),
    "helpfulness": _lp("metric", "Helpfulness"),
    "gaps": _lp("metric", "New unanswered searches"),
    "gaps_answered": _lp("metric", "Unanswered searches answered"),
    "gap_half_life": _lp("metric", "Time to solve unanswered searches"),
    "requests": _lp("metric", "Requests received"),
    "requests_solved": _lp("metric", "Requests solved"),
    "first_reply": _lp("metric", "Time to the first reply"),
    "resolution": _lp("metric", "Time to the solution"),
    "wait": _lp("metric", "Time with a tier"),
    "reopen_rate": _lp("metric", "Reopened requests"),
    "satisfaction": _lp("metric", "Satisfaction"),
    "response_rate": _lp("metric", "Response rate"),
}
# Translators: what the figures are, shown beside them. “Attempt”: what one person does to find one thing.
DEFINITION = {
    "searches": _l(
        "Searches that somebody submitted. Suggestions while typing, further pages and changed filters do not count."
    ),
    "zero_result_rate": _l(
        "Submitted searches without a result in the reader’s own language, divided by all submitted searches."
    ),
    "search_success": _l(
        "Attempts that ended with a “yes” below an article or with an article read for 30 seconds or more, and "
        "that no request followed within 72 hours, divided by the attempts whose outcome is known. An attempt is "
        "the searches of one visit with short pauses between them. Unknown outcomes are shown apart and never "
        "count as success."
    ),
    "click_mrr": _l(
        "One divided by the rank of the first result that was opened, on average over the searches from which one was "
        "opened (mean reciprocal rank). 1: always the first result; 0.5: typically the second."
    ),
    "self_service_score": _l(
        "Visits in which an article was read for 30 seconds or more, divided by the people who sent a request, "
        "each counted once a day. 5: for each person who needed us, five visits found something to read."
    ),
    "deflection": _l(
        "Request forms that were left with “This solved it” instead of being sent, divided by all request forms "
        "that somebody tried to send."
    ),
    "failed_deflection": _l(
        "Requests whose sender had opened an article in the 24 hours before, as far as they sent that along, divided "
        "by all requests."
    ),
    "helpfulness": _l(
        "Votes “yes” on “Was this article helpful?”, divided by all votes. For a single article the share is "
        "drawn towards the mean, so that few votes do not decide: (C·m + yes) ÷ (m + votes); C is the mean "
        "share, m the mean number of votes."
    ),
    "gaps": _l(
        "Searches that nothing answered, and missing translations, counted on the day they first came up; each "
        "once, however often it was asked."
    ),
    "gaps_answered": _l(
        "Unanswered searches that were solved with proof: when they were solved, the same search found an "
        "article at rank 3 or better."
    ),
    "gap_half_life": _l(
        "The time within which half of the solved searches were solved (median): from the first unanswered "
        "search, or from when it was opened again, until the same search found an article at rank 3 or better."
    ),
    "requests": _l("Requests that came in, by form, by email or through other systems. Spam does not count."),
    "requests_solved": _l(
        "Requests that were solved, counted on the day of the solution; solved again, they count again."
    ),
    "first_reply": _l(
        "The time within which half of the requests that a person replied to got their first reply (median). "
        "Automatic messages do not count; nights and weekends do."
    ),
    "resolution": _l(
        "The time within which half of the solved requests were solved (median), from the request on, without "
        "the time in which the requester, a supplier or a planned day was waited for. Nights and weekends count."
    ),
    "wait": _l(
        "The time within which half of all stays with a tier ended (median): the request left the tier or was "
        "solved or closed there, without the time in which the requester, a supplier or a planned day was waited "
        "for. The time that a supplier was waited for counts for the suppliers’ tier. Each stay counts by itself; "
        "nights and weekends count."
    ),
    "reopen_rate": _l("Requests that were opened again after they had been solved, divided by solved requests."),
    "satisfaction": _l("The mean of all ratings, asked for or not, from 1 (badly) to 5 (very well)."),
    "response_rate": _l("Ratings given when asked, divided by the requesters who were asked."),
}
# Translators: how long a point of a chart stands for.
STEP = {
    Step.DAY: _lp("step", "Day"),
    Step.WEEK: _lp("step", "Week"),
    Step.MONTH: _lp("step", "Month"),
}
# Translators: how often there is a point in a chart.
BY_STEP = {
    Step.DAY: _lp("step", "by day"),
    Step.WEEK: _lp("step", "by week"),
    Step.MONTH: _lp("step", "by month"),
}
DIMENSION = {
    Dimension.LANGUAGE: _l("Language"),
    Dimension.TOPIC: _l("Topic"),
    Dimension.TIER: _l("Tier"),
}
BY = {
    Dimension.LANGUAGE: _lp("report", "By language"),
    Dimension.TOPIC: _lp("report", "By topic"),
    Dimension.TIER: _lp("report", "By tier"),
}
#: What belongs to none of them.
REST = {Dimension.TOPIC: ("", _lp("report", "No topic"))}
#: Why there is no figure where a report is narrowed by what it is not told apart by.
NOT_BY = {
    Dimension.LANGUAGE: _l("This figure is not told apart by language. Choose all languages to see it."),
    Dimension.TOPIC: _l("This figure is not told apart by topic. Choose all topics to see it."),
    Dimension.TIER: _l("This figure is not told apart by tier. Choose all tiers to see it."),
}
_NO_SEARCH = _l("Nothing was searched for in this time.")
_NO_REQUEST = _l("No request came in in this time.")
_NO_SOLVED = _l("No request was solved in this time.")
_NO_ANSWERED = _l("No unanswered search was solved in this time.")
#: Why there is nothing to show.
EMPTY = {
    "searches": _NO_SEARCH,
    "zero_result_rate": _NO_SEARCH,
    "search_success": _l("There was no attempt with a known outcome in this time."),
    "click_mrr": _l("No result of a search was opened in this time."),
    "self_service_score": _NO_REQUEST,
    "deflection": _l("Nobody tried to send a request form in this time."),
    "failed_deflection": _NO_REQUEST,
    "helpfulness": _l("Nobody said whether an article was helpful in this time."),
    "gaps": _l("No new search went unanswered in this time."),
    "gaps_answered": _NO_ANSWERED,
    "gap_half_life": _NO_ANSWERED,
    "requests": _NO_REQUEST,
    "requests_solved": _NO_SOLVED,
    "first_reply": _l("No request got its first reply in this time."),
    "resolution": _NO_SOLVED,
    "wait": _l("No request left a tier or was solved in this time."),
    "reopen_rate": _NO_SOLVED,
    "satisfaction": _l("Nobody rated us in this time."),
    "response_rate": _l("Nobody was asked in this time."),
}
PRESET = {
    "today": _lp("period", "Today"),
    "7": _lp("period", "7 days"),
    "30": _lp("period", "30 days"),
    "90": _lp("period", "90 days"),
    "365": _lp("period", "365 days"),
    "month": _lp("period", "This month"),
    "last_month": _lp("period", "Last month"),
}
#: What is wrong with the dates that were typed.
FAULT = {
    "invalid": _l("A date could not be read. Write it as year-month-day, such as 2026-03-31."),
    "order": _l("The first day is after the last. Check both dates."),
    "future": _l("The first day is in the future. Choose an earlier one."),
    "ahead": _l("The last day is in the future. Choose today or an earlier one."),
    "early": _l("The first day is too far back. Choose one from 2000 on."),
    "long": _l("The period is too long. Choose at most %(days)s days."),
}
