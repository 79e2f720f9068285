"""Drawings (SVG) that only draw: no script, no animation, nothing that is loaded, whoever opens them."""

import re
from xml.parsers import expat

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_XML = "http://www.w3.org/XML/1998/namespace"
#: Of drawing programs, for themselves: browsers see nothing in them.
_EDITORS = frozenset(
    {
        "http://www.inkscape.org/namespaces/inkscape",
        "http://sodipodi.sourceforge.net/DTD/sodipodi-0.dtd",
        "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
        "http://purl.org/dc/elements/1.1/",
        "http://creativecommons.org/ns#",
        "http://web.resource.org/cc/",
        "http://www.bohemiancoding.com/sketch/ns",
        "http://www.serif.com/",
    }
)
_ELEMENTS = frozenset(
    "svg g defs symbol use switch a title desc metadata style path rect circle ellipse line polyline polygon text tspan "
    "textPath image linearGradient radialGradient stop pattern clipPath mask marker filter feBlend feColorMatrix "
    "feComponentTransfer feComposite feConvolveMatrix feDiffuseLighting feDisplacementMap feDistantLight feDropShadow "
    "feFlood feFuncA feFuncB feFuncG feFuncR feGaussianBlur feMerge feMergeNode feMorphology feOffset fePointLight "
    "feSpecularLighting feSpotLight feTile feTurbulence".split()
)
_WORDS = frozenset("id class role lang title name tabindex focusable".split())
_ATTRIBUTES = _WORDS | frozenset(
    "style type media version baseProfile width height x y x1 y1 x2 y2 dx dy cx cy r rx ry fx fy fr d points pathLength "
    "viewBox preserveAspectRatio transform rotate textLength lengthAdjust startOffset method spacing side offset "
    "gradientUnits gradientTransform spreadMethod patternUnits patternContentUnits patternTransform clipPathUnits "
    "maskUnits maskContentUnits markerUnits markerWidth markerHeight refX refY orient filterUnits primitiveUnits in in2 "
    "result mode operator values k1 k2 k3 k4 order kernelMatrix divisor bias targetX targetY edgeMode preserveAlpha "
    "surfaceScale diffuseConstant specularConstant specularExponent kernelUnitLength scale xChannelSelector "
    "yChannelSelector azimuth elevation z pointsAtX pointsAtY pointsAtZ limitingConeAngle stdDeviation radius "
    "baseFrequency numOctaves seed stitchTiles tableValues slope intercept amplitude exponent requiredFeatures "
    "requiredExtensions systemLanguage enable-background alignment-baseline baseline-shift clip clip-path clip-rule color "
    "color-interpolation color-interpolation-filters color-rendering cursor direction display dominant-baseline fill "
    "fill-opacity fill-rule filter flood-color flood-opacity font font-family font-feature-settings font-size "
    "font-size-adjust font-stretch font-style font-variant font-weight glyph-orientation-horizontal "
    "glyph-orientation-vertical image-rendering isolation kerning letter-spacing lighting-color line-height marker "
    "marker-end marker-mid marker-start mask mask-type mix-blend-mode opacity overflow paint-order pointer-events "
    "shape-rendering stop-color stop-opacity stroke stroke-dasharray stroke-dashoffset stroke-linecap stroke-linejoin "
    "stroke-miterlimit stroke-opacity stroke-width text-align text-anchor text-decoration text-overflow text-rendering "
    "transform-origin unicode-bidi vector-effect visibility white-space word-spacing writing-mode".split()
)
_WITHIN = re.compile(r"#[^\s\"'()\\]*")
_OWN_URL = re.compile(r"url\(\s*([\"']?)#[^\s\"'()\\]*\1\s*\)", re.IGNORECASE)
#: What loads something in CSS. A backslash could spell any of it otherwise.
_LOADS = re.compile(
    r"\\|@import|(?:url|src|image|image-set|cross-fade|element|expression)\s*\(|-moz-binding", re.IGNORECASE
)
_PICTURE = re.compile(r"data:image/(?:png|jpeg|jpg|gif|webp);base64,[A-Za-z0-9+/=\s]*")


class _Unsafe(Exception):
    """A drawing does more than draw; the message is a clause."""


def fault(drawing: bytes) -> str:
    """Why a file is no drawing that only draws, as a clause; empty where it is one.

    What is not known to be harmless is refused: an element, an attribute, a document type, another encoding.

    Args:
        drawing: the whole file.
    """
    parser = expat.ParserCreate("UTF-8", " ")
    parser.buffer_text = True
    reading = _Reading()
    parser.XmlDeclHandler = reading.declaration
    parser.StartDoctypeDeclHandler = reading.document_type
    parser.ProcessingInstructionHandler = reading.instruction
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.text
    try:
        parser.Parse(drawing, True)
    except _Unsafe as error:
        return str(error)
    except expat.ExpatError as error:
        return f"is no XML in UTF-8 (line {error.lineno})"
    return ""


class _Reading:
    """What the parser tells, one after the other."""

    def __init__(self) -> None:
        self._is_begun = False
        #: Text of the style sheet that is being read; None outside of one.
        self._style: list[str] | None = None

    def declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        """The first line."""
        if encoding is not None and encoding.lower() not in {"utf-8", "us-ascii"}:
            raise _Unsafe("is not declared to be UTF-8")

    def document_type(self, *_: object) -> None:
        """It could define what the text then means."""
        raise _Unsafe("has a document type (<!DOCTYPE)")

    def instruction(self, target: str, _data: str) -> None:
        """It could name a style sheet."""
        raise _Unsafe(f"has an instruction (<?{target[:40]})")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        space, _, name = tag.rpartition(" ")
        if not self._is_begun and (space not in {"", _SVG} or name != "svg"):
            raise _Unsafe("is no SVG")
        self._is_begun = True
        if self._style is not None:
            raise _Unsafe("has an element in its style sheet")
        if space in _EDITORS:
            return
        if space not in {"", _SVG} or name not in _ELEMENTS:
            raise _Unsafe(f"has the element {name[:40]!r}, which is not allowed")
        for key, value in attributes.items():
            _check(name, key, value)
        if name == "style":
            self._style = []

    def text(self, text: str) -> None:
        """Text between tags."""
        if self._style is not None:
            self._style.append(text)

    def end(self, _tag: str) -> None:
        """An element ends; a style sheet has none in it."""
        if self._style is not None and _is_loading("".join(self._style)):
            raise _Unsafe("has a style sheet that loads something")
        self._style = None


def _check(element: str, key: str, value: str) -> None:
    """Refuse an attribute that does more than describe.

    Raises:
        _Unsafe: it does.
    """
    space, _, name = key.rpartition(" ")
    if space in _EDITORS or (space == _XML and name in {"space", "lang", "id"}):
        return
    if name == "href" and space in {"", _XLINK}:
        address = value.strip()
        if not _WITHIN.fullmatch(address) and not (element == "image" and _PICTURE.fullmatch(address)):
            raise _Unsafe(f"leads to {address[:40]!r}")
        return
    if space == _XLINK and name in {"type", "title", "show", "actuate"}:
        return
    if space or not (name in _ATTRIBUTES or name.startswith(("aria-", "data-"))):
        raise _Unsafe(f"has the attribute {name[:40]!r}, which is not allowed")
    if name in _ATTRIBUTES - _WORDS and _is_loading(value):
        raise _Unsafe(f"loads something in {name!r}")


def _is_loading(css: str) -> bool:
    """Whether CSS names anything that is not in the drawing itself."""
    return _LOADS.search(_OWN_URL.sub("", css)) is not None
