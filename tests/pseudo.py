"""Languages that nobody speaks, made from the product's own texts: what is not translated, cut off or one-sided shows.

They exist in tests alone: a language's catalogue is exchanged, and no reader is ever offered them.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from babel.support import NullTranslations

from portal import catalogues
from portal.web import embed, i18n
from portal.web.desk import replies
from portal.web.reports import numbers

#: The language whose catalogue is exchanged; its pages are those below /de/.
CODE = "de"
#: For each letter one that no text of the product has, so that every plain one is a text that was not translated.
LETTERS = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    "ÅƁÇĐÉƑĜĤÎĴĶĻṀÑÖÞǪŔŠŢÛṼŴẊÝŽåƀçđéƒĝĥîĵķļɱñöþɋŕšţûṽŵẋýž",
)
VOWELS = re.compile("[aeiouy]")
#: What stands in a text for something else: values, tags, escapes.
KEPT = re.compile(r"(%\(\w+\)[sd]|%%|%s|\{[^{}]*\}|<[^>]+>|&\w+;)")
#: What people wrote is in Greek letters in these tests, which no text of the product is.
GREEK = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    "ΑΒΨΔΕΦΓΗΙΞΚΛΜΝΟΠΘΡΣΤΥΩΣΧΥΖαβψδεφγηιξκλμνοπθρστυωςχυζ",
)


def accented(text: str) -> str:
    """About 40 % longer and in letters of its own, between brackets: ⟦Šéééåŕçĥ⟧."""
    parts = KEPT.split(text)
    made = (part if at % 2 else VOWELS.sub(r"\g<0>\g<0>", part).translate(LETTERS) for at, part in enumerate(parts))
    return f"⟦{''.join(made)}⟧"


def mirrored(text: str) -> str:
    """As it is, but drawn from right to left."""
    return "".join(part if at % 2 else f"\u202e{part}\u202c" for at, part in enumerate(KEPT.split(text)) if part)


def greek(text: str) -> str:
    """What people wrote."""
    return text.translate(GREEK)


class Pseudo(NullTranslations):
    """A catalogue that changes each text by a rule.

    Args:
        change: the rule.
    """

    def __init__(self, change: Callable[[str], str]) -> None:
        super().__init__()
        self._change = change

    def gettext(self, message: str) -> str:
        """A text."""
        return self._change(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """A text about a number."""
        return self._change(msgid1 if n == 1 else msgid2)

    def pgettext(self, context: str, message: str) -> str:
        """A text with a context."""
        return self._change(message)

    def npgettext(self, context: str, singular: str, plural: str, num: int) -> str:
        """A text with a context about a number."""
        return self._change(singular if num == 1 else plural)

    ugettext, ungettext, upgettext, unpgettext = gettext, ngettext, pgettext, npgettext


@contextmanager
def spoken(change: Callable[[str], str]) -> Iterator[None]:
    """Let the exchanged language speak by a rule, wherever pages take their texts from."""
    real, made = catalogues.catalogue, Pseudo(change)

    def catalogue(language: str) -> NullTranslations:
        return made if language == CODE else real(language)

    with pytest.MonkeyPatch.context() as patch:
        for module in (i18n, embed, replies):
            patch.setattr(module, "catalogue", catalogue)
        _forget()
        yield
    _forget()


def _forget() -> None:
    """Forget messages, and what figures are in words: tests before may have asked in the real language."""
    for remembered in (*vars(i18n).values(), *vars(numbers).values()):
        if hasattr(type(remembered), "cache_clear"):
            remembered.cache_clear()


#: Reads a page: what is not translated, what is cut off, and how wide it is.
READ = r"""
(exempt) => {
  exempt.patterns = new RegExp(exempt.patterns, "gu");
  const found = [];
  const where = (element) => {
    const part = (each) => each.tagName.toLowerCase() + (each.id ? `#${each.id}` : each.className && typeof each.className === "string" ? `.${each.className.split(" ")[0]}` : "");
    return `${element.parentElement ? part(element.parentElement) : ""} > ${part(element)}`;
  };
  const plain = (text) => text.replace(/\{\w+\}/g, " ")
    .replace(exempt.patterns, " ");
  const words = (text) => (plain(text).match(/\p{L}{2,}/gu) || [])
    .filter((word) => /[A-Za-z]/.test(word) && !exempt.words.includes(word));
  const isForeign = (element) => element.closest("[lang]").lang !== document.documentElement.lang;
  const say = (kind, element, text) => found.push(`${kind}: ${where(element)}: ${text.trim().replace(/\s+/g, " ").slice(0, 90)}`);
  const check = (element, text) => {
    if (!text || !words(text).length || isForeign(element) || element.closest(exempt.parts)) return;
    say("not translated", element, text);
  };
  if (words(document.title).length) say("not translated", document.querySelector("title"), document.title);
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!element.closest("script, style, template, noscript, textarea")) check(element, walker.currentNode.data);
  }
  for (const element of document.querySelectorAll("*")) {
    for (const name of ["aria-label", "placeholder", "title", "alt", "aria-description", "data-one", "data-many", "data-count-one", "data-count-many", "data-news", "data-on", "data-off"]) {
      check(element, element.getAttribute(name));
    }
    const text = element.childElementCount ? "" : element.textContent;
    if ((text.match(/⟦/g) || []).length !== (text.match(/⟧/g) || []).length && !element.closest("script, style")
        && element.parentElement.textContent.split("⟦").length !== element.parentElement.textContent.split("⟧").length) {
      say("shortened", element, text);
    }
  }
  return found;
}
"""
#: What is cut off by its box: text that is there but cannot be seen, nor scrolled to.
CUT = r"""
() => {
  const found = [];
  const name = (each) => `${each.parentElement.tagName.toLowerCase()} > ${each.tagName.toLowerCase()}${each.id ? "#" + each.id : "." + String(each.className.baseVal ?? each.className).split(" ")[0]}`;
  const canvas = document.createElement("canvas").getContext("2d");
  for (const each of document.querySelectorAll("body *")) {
    const style = getComputedStyle(each);
    if (!each.checkVisibility({ visibilityProperty: true }) || !each.getClientRects().length || each.closest(".hidden, .trap, svg, [aria-hidden=true]")) continue;
    if (style.position === "absolute" && each.clientWidth <= 1) continue;
    const hides = (value) => value === "hidden" || value === "clip";
    const box = `${each.scrollWidth}×${each.scrollHeight} in ${each.clientWidth}×${each.clientHeight}`;
    const isClipped = style.clipPath !== "none";
    if (!isClipped && each.textContent.trim() && ((hides(style.overflowX) && each.scrollWidth > each.clientWidth + 1)
        || (hides(style.overflowY) && each.scrollHeight > each.clientHeight + 1))) {
      found.push(`cut off: ${name(each)}: ${box}: ${each.textContent.trim().slice(0, 60)}`);
    }
    if (each.matches("button, .button") && each.scrollWidth > each.clientWidth + 1) found.push(`wider than its button: ${name(each)}: ${box}`);
    if (each.matches("select:not([multiple])") && each.selectedOptions.length) {
      canvas.font = style.font;
      const room = each.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - 16; // The arrow.
      const wide = canvas.measureText(each.selectedOptions[0].text).width;
      if (wide > room + 1) found.push(`cut off: ${name(each)}: ${Math.round(wide)} in ${Math.round(room)}: ${each.selectedOptions[0].text}`);
    }
    if (each.matches("input[placeholder]") && !each.value) {
      canvas.font = style.font;
      const room = each.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
      if (canvas.measureText(each.placeholder).width > room + 1 && style.textOverflow !== "ellipsis") found.push(`cut off: ${name(each)}: ${each.placeholder}`);
    }
  }
  const page = document.documentElement;
  if (page.scrollWidth > innerWidth) {
    const widest = [...document.querySelectorAll("body *")].filter((each) => {
      const rect = each.getBoundingClientRect();
      return rect.width && (rect.right > innerWidth + 1 || rect.left < -1) && !each.closest(".hidden, .trap, .scroll, pre");
    }).map(name);
    found.push(`${page.scrollWidth} px wide on ${innerWidth}: ${widest.slice(0, 4).join(", ")}`);
  }
  return found;
}
"""
