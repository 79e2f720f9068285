"""A script of ours made smaller as it is served, so that its source stays readable and nothing has to be built."""

import re

#: What is dropped, and what stays as it is: texts, and regular expressions where a value begins.
_PIECE = re.compile(
    r"(?P<comment>/\*.*?\*/|//[^\n]*)"
    r"|(?P<styles>(?<=replaceSync\()`.*?`)"
    r'|(?P<kept>"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|`(?:\\.|[^`\\])*`'
    r"|(?<=[(,])/(?![*/])(?:\\.|\[[^\]\n]*\]|[^/\\\n])+/\w*)",
    re.DOTALL,
)


def squeezed(script: str) -> str:
    """A script without comments and without blanks that mean nothing.

    It is no parser: every statement has to end in a semicolon or a brace, a regular expression has to be an argument,
    and no text within backquotes may have another within it. Only for scripts of ours, which a browser tests.
    """
    parts: list[str] = []
    code, end = "", 0
    for found in _PIECE.finditer(script):
        code, end = code + script[end : found.start()], found.end()
        if found["comment"]:
            code += " "
            continue
        parts += [_code(code), _styles(found["styles"]) if found["styles"] else found["kept"]]
        code = ""
    return "".join([*parts, _code(code + script[end:])]).strip()


def _code(text: str) -> str:
    """Code without texts: blanks stand only between words, and beside signs that could become others."""
    return re.sub(r" ?([{}()\[\];,:?=<>&|!]) ?", r"\1", re.sub(r"\s+", " ", text)).replace(";}", "}")


def _styles(text: str) -> str:
    """A style sheet; the blank before a colon is an element's own."""
    return re.sub(r"\s*([{};,>`]|:(?=\s))\s*", r"\1", text).replace(";}", "}")
