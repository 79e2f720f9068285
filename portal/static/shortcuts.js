/* Keys of the desk: whatever carries data-key is pressed or focused by it. Single keys can be turned off, and none
   works while something is being typed (WCAG 2.1.4). */

const SWITCH = "single-keys";
const dialog = document.querySelector("#ui-keys-dialog");
const opener = document.querySelector("#ui-keys");
const list = document.querySelector("#ui-keys-list");
const toggle = document.querySelector("#ui-keys-switch");

function isOn() {
  try { return localStorage.getItem(SWITCH) !== "off"; } catch { return true; }
}

function setOn(on) {
  try { localStorage.setItem(SWITCH, on ? "on" : "off"); } catch { /* It stays for this page. */ }
  label();
}

function label() {
  toggle.textContent = isOn() ? dialog.dataset.off : dialog.dataset.on;
}

const isShown = (element) => element.getClientRects().length > 0;
const targets = (key) => [...document.querySelectorAll("[data-key]")].filter((each) => each.dataset.key === key && isShown(each));

function nameOf(element) {
  const label = element.id && document.querySelector(`label[for="${CSS.escape(element.id)}"]`);
  const named = (label || element).cloneNode(true);
  for (const key of named.querySelectorAll("kbd")) key.remove();
  return (element.getAttribute("aria-label") || named.textContent).trim();
}

function fill() {
  const seen = new Set();
  list.replaceChildren();
  for (const element of document.querySelectorAll("[data-key]")) {
    if (seen.has(element.dataset.key) || !isShown(element)) continue;
    seen.add(element.dataset.key);
    const key = document.createElement("kbd");
    key.textContent = element.dataset.key;
    const term = document.createElement("dt");
    term.append(key);
    const meaning = document.createElement("dd");
    meaning.textContent = element === opener ? document.querySelector("#ui-keys-title").textContent : nameOf(element);
    list.append(term, meaning);
  }
}

function press(element) {
  if (element === opener) { fill(); dialog.showModal(); return; }
  if (element.matches("input, textarea, select")) { element.focus(); return; }
  const panel = element.matches("summary") ? element.parentElement : null;
  element.focus({ preventScroll: true });
  element.click();
  if (panel?.open) panel.querySelector("select, textarea, input:not([type=hidden])")?.focus();
}

function isTyping(target) {
  return target.isContentEditable || target.matches("input:not([type=checkbox]):not([type=radio]), textarea, select");
}

document.addEventListener("keydown", (event) => {
  const target = event.target instanceof Element ? event.target : document.body;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && target.matches("textarea")) {
    event.preventDefault();
    const choice = target.form.querySelector("button[name]");
    if (choice) choice.focus(); // Which of several buttons is meant nobody knows.
    else target.form.requestSubmit();
    return;
  }
  if (event.key === "Escape" && target.matches("textarea, input, select")) { target.blur(); return; }
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || dialog.open) return;
  if (!isOn() || isTyping(target)) return;
  const found = targets(event.key)[0];
  if (!found) return;
  event.preventDefault();
  press(found);
});

opener.hidden = false;
opener.addEventListener("click", () => { fill(); if (!dialog.open) dialog.showModal(); });
toggle.addEventListener("click", () => setOn(!isOn()));
label();

// The menu closes where somebody goes on.
const menu = document.querySelector(".menu");
document.addEventListener("pointerdown", (event) => { if (!menu.contains(event.target)) menu.open = false; });
menu.addEventListener("focusout", (event) => {
  if (event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
});
menu.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !menu.open) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});
