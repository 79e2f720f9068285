"""Rules of images: each is there, is described, loads quickly, and speaks the language of its text."""

import re
from collections.abc import Iterator
from datetime import date

from portal.locales import CODES
from portal.problems import Problem, Severity
from portal.rules import Rule
from portal.writing.checking.texts import Collection, Facts, Text

#: Kinds that the portal serves; see `web.discovery`.
KINDS = ("png", "jpg", "jpeg", "gif", "webp", "avif", "svg")
#: In bytes; half a megabyte takes four seconds on a slow telephone line.
LARGE = 500_000

RULES = (
    Rule(
        "missing-alt",
        Severity.ERROR,
        "an image has no alternative text",
        "Readers who do not see it, and those to whom it does not load, learn nothing of it.",
        "Say between the square brackets what the image shows.",
    ),
    Rule(
        "vague-alt",
        Severity.WARNING,
        "an image's alternative text is its file name, or says only that it is an image",
        "A screen reader reads it out, and it tells nothing.",
        "Say what the image shows, as you would on the telephone.",
    ),
    Rule(
        "missing-image",
        Severity.ERROR,
        "an image is not in the images folder, or is empty",
        "Readers see the alternative text instead.",
        "Put the file into `images/`, or correct its name; capitals count.",
    ),
    Rule(
        "foreign-image",
        Severity.ERROR,
        "an image lies elsewhere than in the images folder",
        "It is dropped: loading it would tell others who reads what.",
        "Copy it into `images/`.",
    ),
    Rule(
        "image-kind",
        Severity.ERROR,
        "an image is of a kind that is not served",
        "Readers see the alternative text instead.",
        f"Save it as one of {', '.join(KINDS)}, with a name of Latin letters, digits, `-`, `_` and `.`.",
    ),
    Rule(
        "large-image",
        Severity.WARNING,
        "an image is larger than 500 kB",
        "On a slow line, the page stands still for seconds.",
        "Make it smaller, or save it as webp.",
    ),
    Rule(
        "image-language",
        Severity.WARNING,
        "an image with text in it is in another language than the article",
        "Readers look for words on their screen that are not there. The language stands in the name"
        " (`map.fr.png`) or behind the image (`{lang=fr}`).",
        "Use the image of the text's language, or make one.",
    ),
    Rule(
        "unused-image",
        Severity.WARNING,
        "no article shows an image",
        "It is carried along, and nobody knows whether it may go.",
        "Remove it, or accept it in `check.yml`.",
    ),
)

_OWN = re.compile(r"(?:\.\./|\./|/)?images/([^/]+)")
_NAME = re.compile(rf"[A-Za-z0-9][\w.-]*\.(?:{'|'.join(KINDS)})", re.IGNORECASE | re.ASCII)
_PARTS = re.compile(rf"(.+?)(?:\.({'|'.join(CODES)}))?(\.\w+)")
_VAGUE = frozenset({
    "image", "picture", "photo", "screenshot", "screen shot", "graphic", "figure", "icon", "img",
    "capture d’écran", "capture d'écran", "image d’écran", "illustration", "icône",
    "bild", "bildschirmfoto", "abbildung", "grafik", "symbol", "foto",
    "изображение", "рисунок", "снимок экрана", "скриншот", "картинка", "фото", "значок",
})  # fmt: skip


def of_text(text: Text) -> Iterator[Problem]:
    """Images without a description, or with one that says nothing."""
    for link in text.outline.links:
        if not link.is_image:
            continue
        words = " ".join(link.text.lower().split())
        file = link.target.rpartition("/")[2].lower()
        if not words:
            message = f"The image {link.target[:80]} has no alternative text."
            yield Problem(text.path, link.line, "missing-alt", message, column=link.column)
        elif words in _VAGUE or words in {file, file.rpartition(".")[0]}:
            message = f"“{link.text[:80]}” does not say what the image shows."
            yield Problem(text.path, link.line, "vague-alt", message, Severity.WARNING, link.column)


def of_collection(collection: Collection, _today: date) -> Iterator[Problem]:
    """Images that readers cannot see, should not wait for or cannot read; and those that nobody sees."""
    shown: set[str] = set()
    for facts in collection.texts.values():
        for link in facts.outline.links:
            if link.is_image:
                match = _OWN.fullmatch(link.target)
                if match:
                    shown.add(match[1])
                fault = _fault(collection, facts, link.target, match[1] if match else "", link.language)
                if fault:
                    yield Problem(facts.path, link.line, *fault, column=link.column)
    for name, size in sorted(collection.images.items()):
        path = f"images/{name}"
        if size > LARGE:
            message = f"It has {size // 1000} kB; more than {LARGE // 1000} kB take seconds to load."
            yield Problem(path, 0, "large-image", message, Severity.WARNING)
        if name not in shown:
            yield Problem(path, 0, "unused-image", "No article shows it.", Severity.WARNING)


def _fault(
    collection: Collection, facts: Facts, target: str, name: str, language: str
) -> tuple[str, str, Severity] | None:
    """What is wrong with an image in a text: code, message and severity."""
    own, short = facts.article.language, target[:80]
    if not name:
        message = f"{short} is not in the images folder; readers will not see it."
        return "foreign-image", message, Severity.ERROR
    if not _NAME.fullmatch(name):
        return "image-kind", f"{short} is not served: its kind, or its name.", Severity.ERROR
    if not collection.images.get(name):
        is_empty = name in collection.images
        return "missing-image", f"{short} is empty." if is_empty else f"There is no image {short}.", Severity.ERROR
    parts = _PARTS.fullmatch(name)
    translated = f"{parts[1]}.{own}{parts[3]}" if parts else ""
    if language and language != own:
        instead = f"; {translated} is there" if translated in collection.images else ""
        message = f"{name} is marked as {language}, the article is in {own}{instead}."
        return "image-language", message, Severity.WARNING
    if not language and translated in collection.images:
        return "image-language", f"{translated} is the image for this language.", Severity.WARNING
    return None
