"""Their front matter as ours: each value found, put into the form that articles have, and every change told."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import PurePosixPath
from typing import Any

from portal.articles import SLUG_LENGTH, is_slug
from portal.drafts import UNNAMED, file_name
from portal.front_matter import REQUIRED, SUMMARY_LENGTH, TITLE_LENGTH
from portal.writing.importing.mapping import ANY, LISTS, PLACES, Rules
from portal.writing.importing.sources import Refused, Source, shown

#: Entries of a list.
MAX_ENTRIES = 100
_DATED = re.compile(r"(\d{4}-\d{2}-\d{2})[-_](?=.)")
_ISO = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ].*)?", re.DOTALL)
#: A heading of the first level, of at most so many characters; with a line below it, or without.
_HEADING = re.compile(r"# {1,9}(?P<title>[^\n]{1,500}?)(?:[ \t]{1,9}#{1,9})?[ \t]{0,9}(?:\n|\Z)")
_UNDERLINED = re.compile(r"(?P<title>[^\n]{1,500})\n=+[ \t]*(?:\n|\Z)")
_ATTRIBUTES = re.compile(r"[ \t]*\{:?[ \t]*#[^}\n]*\}[ \t]*$")
#: Cyrillic in Latin letters, as in addresses.
_LATIN = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        "a b v g d e e zh z i i k l m n o p r s t u f kh ts ch sh shch  y  e iu ia".split(" "),
        strict=True,
    )
)
_MARKS = re.compile(r"[*_`]|\[([^\]]*)\]\([^)]*\)")


@dataclass
class Fields:
    """What an article's front matter will be."""

    values: dict[str, Any] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)
    #: Line of the source that each value comes from.
    lines: dict[str, int] = field(default_factory=dict)
    #: The body, without a heading that is the title.
    body: str = ""
    #: Lines that the body lost at its beginning.
    lost: int = 0


def read_fields(source: Source, path: str, rules: Rules) -> Fields:
    """The fields that a file's front matter comes to.

    Args:
        source: the file.
        path: of the file.
        rules: how.

    Raises:
        Refused: what every article needs is not there, or cannot be read.
    """
    found = Fields(body=source.body)
    for ours, theirs in rules.keys.items():
        name = next((name for name in theirs if _given(source, path, name) not in (None, "", [])), None)
        if name is not None:
            found.lines[ours] = source.lines.get(name, 1)
            try:
                value = _converted(ours, _given(source, path, name), rules, found.changes)
            except ValueError as error:
                raise Refused(f"{name} {error}", found.lines[ours]) from None
            if value is not None:
                found.values[ours] = value
    _status(source, found)
    for ours, value in rules.defaults.items():
        if ours not in found.values:
            found.values[ours] = value
            found.changes.append(f"{ours}: {_shown(value)}, as a default")
    found.values |= rules.constants
    _title(source, rules, found)
    found.changes += _left_out(source, rules)
    for key in REQUIRED:
        if key not in found.values:
            raise Refused(f"it has no {key}: name its key under “keys”, or give one under “defaults”", 1)
    return found


def _left_out(source: Source, rules: Rules) -> list[str]:
    """The keys that the rules say nothing of."""
    handled = {"draft", "published", *rules.family, *rules.drop}
    handled.update(*rules.keys.values())
    handled.update(rules.language_keys if "key" in rules.language_from else ())
    handled.update(rules.slug_keys if "key" in rules.slug_from else ())
    return [
        f"{shown(key[:40])!r} (line {line}) left out: the mapping says nothing of it"
        for key, line in source.lines.items()
        if key not in handled
    ]


def dated(stem: str) -> tuple[str, str]:
    """The day in a file's name, and the rest of it; the day is empty where there is none."""
    match = _DATED.match(stem)
    return (match[1], stem[match.end() :]) if match else ("", stem)


def _given(source: Source, path: str, name: str) -> Any:
    """The value that their key, or a place that stands for one, has; None where there is none."""
    if name not in PLACES:
        return source.front.get(name)
    place = PurePosixPath(path)
    return {"@folder": place.parent.name, "@file": place.stem, "@date": dated(place.name)[0]}[name] or None


def _shown(value: Any) -> str:
    """A value in a message."""
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)[:80]


def _converted(ours: str, value: Any, rules: Rules, changes: list[str]) -> Any:
    """One value in our form; None where it says nothing.

    Raises:
        ValueError: it cannot be read, as a clause.
    """
    table = rules.values.get(ours, {})
    if ours in {"updated", "review_by"}:
        return _day(value, rules)
    if ours in LISTS:
        return _several(ours, value, rules, changes) or None
    if isinstance(value, (list, tuple)):
        if len(value) > 1:
            changes.append(f"{ours}: the first of {len(value)} values")
        value = value[0]
    text = _mapped(_plain(value), table)
    if ours == "topic" and not is_slug(text):
        changes.append(f"topic: {text[:80]!r} → {slug_of(text)}")
        return slug_of(text)
    if ours == "summary" and len(text) > SUMMARY_LENGTH:
        changes.append(f"summary cut to {SUMMARY_LENGTH} characters")
        return text[: SUMMARY_LENGTH - 1].rsplit(" ", 1)[0].rstrip() + "…"
    return text or None


def _plain(value: Any) -> str:
    """A value as one line of text.

    Raises:
        ValueError: it is a mapping, or the like.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float, date)):
        return str(value)
    if isinstance(value, dict):
        value = value.get("name", value.get("title"))
    if not isinstance(value, str):
        raise ValueError("is no text")
    line = re.sub(r"[ \t\n]+", " ", value)
    return "".join(sign for sign in line if unicodedata.category(sign) not in {"Cc", "Cs", "Zl", "Zp"}).strip(" ")


def _mapped(text: str, table: Mapping[str, str]) -> str:
    """What their value becomes."""
    return table.get(text, table.get(ANY, text))


def _several(ours: str, value: Any, rules: Rules, changes: list[str]) -> tuple[str, ...]:
    """A list of short texts; one text is taken apart at its commas, or where the rules say so at its blanks."""
    if isinstance(value, list):
        items = value
    else:
        text = _plain(value)
        items = text.split() if ours in rules.split_at_blanks and "," not in text else text.split(",")
    table = rules.values.get(ours, {})
    texts = [_mapped(_plain(item), table) for item in items]
    if ours == "aliases":
        slugs = [slug_of(_last_part(text)) for text in texts]
        if slugs != texts:
            changes.append(f"aliases: {', '.join(texts)[:80]} → {', '.join(slugs)[:80]}")
        texts = slugs
    kept = [text for text in dict.fromkeys(texts) if text and len(text) <= TITLE_LENGTH][:MAX_ENTRIES]
    if len(kept) < len(texts):
        changes.append(f"{ours}: {len(texts) - len(kept)} entries left out, being empty, repeated or too long")
    return tuple(kept)


def _day(value: Any, rules: Rules) -> date:
    """A day.

    Raises:
        ValueError: it is none, as a clause.
    """
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, dict):
        value = value.get("date", "")
    if isinstance(value, int) and 10**8 < value < 10**11:
        return datetime.fromtimestamp(value, UTC).date()
    text = str(value).strip()
    if match := _ISO.fullmatch(text):
        return date.fromisoformat(match[1])
    for form in rules.dates:
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    raise ValueError(f"is {text[:40]!r}, which is no day; name its form under “dates”")


def _status(source: Source, found: Fields) -> None:
    """Make a draft of what they did not publish."""
    if source.front.get("draft") is True or source.front.get("published") is False:
        found.values["status"] = "draft"
    elif (status := found.values.get("status")) is not None and status not in {"draft", "published"}:
        found.changes.append(f"status {status!r} left out")
        del found.values["status"]


def _title(source: Source, rules: Rules, found: Fields) -> None:
    """Take the title from the first heading where there is none, and the heading away where it is the title."""
    match = _HEADING.match(found.body) or _UNDERLINED.match(found.body)
    if match is None or rules.is_identity:
        return
    heading = _MARKS.sub(lambda marks: marks[1] or "", _ATTRIBUTES.sub("", match["title"])).strip()
    if "title" not in found.values:
        found.values["title"], found.lines["title"] = heading, source.body_line
        found.changes.append("title from the first heading")
    if _same(heading) == _same(str(found.values["title"])):
        rest = found.body[match.end() :]
        found.body = rest.lstrip("\n")
        found.lost = match[0].count("\n") + len(rest) - len(found.body)
        found.changes.append("heading removed that repeats the title")


def _same(text: str) -> str:
    """What two spellings of a title have in common."""
    return " ".join(re.findall(r"\w+", text.casefold()))


def _last_part(address: str) -> str:
    """The last part of an address, without ending."""
    parts = [part for part in re.split(r"[?#]", address)[0].split("/") if part]
    return re.sub(r"\.(?:html?|mdx?|markdown)$", "", parts[-1]) if parts else ""


def slug_wish(source: Source, address: str, rules: Rules, title: str) -> str:
    """The slug that a file would have by itself; empty where nothing gives one.

    Args:
        source: the file.
        address: its path without language, day and ending.
        rules: how.
        title: of the article.
    """
    for place in rules.slug_from:
        if place == "key":
            given = next((value for key in rules.slug_keys if isinstance(value := source.front.get(key), str)), "")
            wish = _last_part(given)
        elif place == "file":
            file = PurePosixPath(address)
            is_index = file.name.lower() in {"index", "_index", "readme"} and file.parent.name
            wish = file.parent.name if is_index else file.name
        else:
            wish = title
        if wish and (slug := slug_of(wish)) != UNNAMED:
            return slug
    return ""


def _latin(text: str) -> str:
    """Text with Cyrillic in Latin letters."""
    return "".join(_LATIN.get(sign, sign) for sign in unicodedata.normalize("NFC", text).lower())


def slug_of(text: str) -> str:
    """A slug for any text; `drafts.UNNAMED` where it has neither letters nor digits."""
    return text if is_slug(text) else file_name(_latin(text))[:SLUG_LENGTH]
