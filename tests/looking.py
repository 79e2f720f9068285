"""Scripts that look at a page as it is drawn: overlaps, sizes of targets, visible focus, motion."""

#: The spacing that a page must bear (WCAG 1.4.12).
SPACING = """
* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important; }
p { margin-block-end: 2em !important; }
"""
_NAME = r"""
const name = (each) => `${each.parentElement.tagName.toLowerCase()}${each.parentElement.className ? "." + String(each.parentElement.className).split(" ")[0] : ""} > ${each.tagName.toLowerCase()} “${(each.textContent || each.name || "").trim().replace(/\s+/g, " ").slice(0, 30)}”`;
const CONTROLS = "a[href], button, input:not([type=hidden]), select, textarea, summary";
const isShown = (each) => each.checkVisibility({ visibilityProperty: true }) && each.getClientRects().length
  && !each.closest(".hidden, .trap, .skip, dialog:not([open]), [inert]") && !each.matches(".hidden");
"""
#: Controls that lie on each other.
OVERLAP = f"""
() => {{
  {_NAME}
  const found = [];
  const all = [...document.querySelectorAll(CONTROLS)].filter((each) => isShown(each) && !each.closest(".bulk-ready, .beside-head"));
  const boxes = all.map((each) => [...each.getClientRects()]);
  for (let one = 0; one < all.length; one += 1) for (let two = one + 1; two < all.length; two += 1) {{
    if (all[one].contains(all[two])) continue;
    if (boxes[one].some((a) => boxes[two].some((b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
        && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1.5))) found.push(`on each other: ${{name(all[one])}} and ${{name(all[two])}}`);
  }}
  return found;
}}
"""
#: Targets that are smaller than 24 px and have another within that distance (WCAG 2.5.8); links in sentences are exempt.
TARGETS = f"""
() => {{
  {_NAME}
  const inSentence = (each) => each.matches("a") && getComputedStyle(each).display.startsWith("inline")
    && getComputedStyle(each).display !== "inline-flex" && !each.closest("nav, menu")
    && [...each.parentElement.childNodes]
      .some((node) => node !== each && !node.contains(each) && node.textContent.trim().length > 1);
  const box = (each) => {{
    const own = each.getBoundingClientRect();
    const label = each.matches("input[type=checkbox], input[type=radio]") && (each.closest("label") || document.querySelector(`label[for="${{each.id}}"]`));
    if (!label) return own;
    const wide = label.getBoundingClientRect();
    const [left, top] = [Math.min(own.left, wide.left), Math.min(own.top, wide.top)];
    return new DOMRect(left, top, Math.max(own.right, wide.right) - left, Math.max(own.bottom, wide.bottom) - top);
  }};
  const all = [...document.querySelectorAll(CONTROLS)].filter(isShown).map((each) => ({{ each, rect: box(each) }})).filter(({{ rect }}) => rect.width && rect.height);
  const isSmall = ({{ rect }}) => rect.width < 23.5 || rect.height < 23.5;
  const middle = (rect) => [rect.left + rect.width / 2, rect.top + rect.height / 2];
  return all.filter((one) => isSmall(one) && !inSentence(one.each) && all.some((two) => {{
    if (two.each === one.each || one.each.contains(two.each) || two.each.contains(one.each) || one.each.closest("label")?.contains(two.each)) return false;
    const [x, y] = middle(one.rect);
    const across = Math.max(two.rect.left - x, 0, x - two.rect.right);
    const down = Math.max(two.rect.top - y, 0, y - two.rect.bottom);
    if (Math.hypot(across, down) < 11.5) return true;
    const [u, v] = middle(two.rect);
    return isSmall(two) && Math.hypot(u - x, v - y) < 23.5;
  }})).map(({{ each, rect }}) => `small: ${{name(each)}}: ${{Math.round(rect.width)}}×${{Math.round(rect.height)}}`);
}}
"""
#: Controls that look the same with the focus as without it.
FOCUS = f"""
() => {{
  {_NAME}
  const look = (each) => {{
    const style = getComputedStyle(each);
    return [style.outlineStyle === "none" ? "" : `${{style.outlineStyle}} ${{style.outlineWidth}} ${{style.outlineColor}}`, style.borderColor, style.boxShadow].join("|");
  }};
  const found = [];
  for (const each of document.querySelectorAll(CONTROLS)) {{
    if (!isShown(each) || each.disabled) continue;
    each.blur();
    const before = look(each);
    each.focus({{ focusVisible: true }});
    if (document.activeElement === each && look(each) === before) found.push(`focus does not show: ${{name(each)}}`);
  }}
  return found;
}}
"""
#: What would move.
MOTION = f"""
() => {{
  {_NAME}
  const found = [];
  const seconds = (text) => Math.max(...text.split(",").map((part) => parseFloat(part) * (part.trim().endsWith("ms") ? 0.001 : 1)));
  for (const each of document.querySelectorAll("body, body *")) for (const pseudo of [null, "::before", "::after"]) {{
    const style = getComputedStyle(each, pseudo);
    if (seconds(style.transitionDuration) > 0) found.push(`transition: ${{name(each)}}`);
    if (style.animationName !== "none" && seconds(style.animationDuration) > 0) found.push(`animation: ${{name(each)}}`);
  }}
  if (getComputedStyle(document.documentElement).scrollBehavior !== "auto") found.push("smooth scrolling");
  return found;
}}
"""
