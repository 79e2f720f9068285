/* A ticket's page while it is open: what others do appears, what is typed is kept, what is chosen is inserted. */

const SOON = 1500; // milliseconds
const LATER = 15000; // while nobody looks
const LONGEST = 60000;
const KEEP = 1500;
const WRITING = 8000;

const page = document.querySelector(".ticket");
const news = document.querySelector("#ui-news");
const token = page.dataset.token;
let state = "";
let failures = 0;
let timer = 0;
let typedAt = 0;
let isAsking = false;

function send(address, fields) {
  const body = new URLSearchParams(fields);
  return fetch(address, { method: "POST", body, headers: { "X-CSRFToken": token }, cache: "no-store" });
}

function wait() {
  clearTimeout(timer);
  const usual = document.hidden ? LATER : SOON;
  timer = setTimeout(ask, failures ? Math.min(usual * 2 ** failures, LONGEST) : usual);
}

// Made by the portal's own template, which has escaped what people wrote.
function show(text) {
  const made = document.createElement("template");
  made.innerHTML = text;
  const version = document.querySelector("#ui-head").dataset.version;
  const isOpen = document.querySelector(".timeline")?.open;
  for (const id of ["ui-head", "ui-conversation-parts"]) {
    const fresh = made.content.querySelector(`#${id}`);
    const old = document.querySelector(`#${id}`);
    if (!fresh || fresh.outerHTML === old.outerHTML) continue;
    if (old.contains(document.activeElement) && document.activeElement.id !== "ui-last") continue;
    old.replaceWith(fresh);
  }
  if (isOpen) document.querySelector(".timeline").open = true;
  const now = document.querySelector("#ui-head").dataset.version;
  if (now === version) return;
  news.textContent = "";
  news.textContent = news.dataset.news;
}

async function ask() {
  if (isAsking) return;
  isAsking = true;
  try {
    const writing = Date.now() - typedAt < WRITING ? "yes" : "no";
    const answer = await send(page.dataset.here, { state, writing });
    if (answer.status === 401 || answer.status === 404 || answer.redirected) return; // A reload says why.
    if (!answer.ok) throw new Error(answer.status);
    if (answer.status === 200) {
      show(await answer.text());
      state = answer.headers.get("X-State");
    }
    failures = 0;
    wait();
  } catch {
    failures += 1;
    wait();
  } finally {
    isAsking = false;
  }
}

// A form says what its writer had seen when they began on it: what has come since makes the server ask again.
function begin(event) {
  // What a classification puts right is as old as the page.
  const form = event.target.closest("form:not([action$='/classify'])");
  if (!form || form.contains(event.type === "focusin" ? event.relatedTarget : document.activeElement)) return;
  const field = form.querySelector("input[name=version]");
  if (field) field.value = document.querySelector("#ui-head").dataset.version;
}

page.addEventListener("focusin", begin);
page.addEventListener("pointerdown", begin);

// Drafts

for (const field of page.querySelectorAll("textarea[data-field]")) {
  let timeout = 0;
  const note = field.form.querySelector("[data-saved-note]");
  const keep = () => send(page.dataset.draft, { field: field.dataset.field, text: field.value })
    .then((answer) => { if (note) note.hidden = !answer.ok; }, () => { if (note) note.hidden = true; });
  field.addEventListener("input", () => {
    if (field.dataset.field === "reply") typedAt = Date.now();
    if (note) note.hidden = true;
    clearTimeout(timeout);
    timeout = setTimeout(keep, KEEP);
  });
  field.form.addEventListener("submit", () => clearTimeout(timeout));
}

// Insertions

const reply = page.querySelector("textarea[data-field=reply]");

function insert(text) {
  const before = reply.value.trimEnd();
  reply.value = before ? `${before}\n\n${text}` : text;
  reply.dispatchEvent(new Event("input", { bubbles: true }));
  reply.focus();
  reply.setSelectionRange(reply.value.length, reply.value.length);
}

function check(steps) {
  const box = page.querySelector("#ui-checklist");
  box.hidden = steps.length === 0;
  box.querySelector("div").replaceChildren(...steps.map((step) => {
    const line = document.createElement("label");
    line.className = "choice";
    const tick = document.createElement("input");
    tick.type = "checkbox";
    line.append(tick, ` ${step}`);
    return line;
  }));
}

page.addEventListener("click", (event) => {
  const article = event.target.closest("[data-insert]");
  if (article && reply) { event.preventDefault(); insert(article.dataset.insert); }
  if (!event.target.closest("[data-insert-saved]")) return;
  const chosen = page.querySelector(`template[data-saved="${page.querySelector("#ui-saved").value}"]`);
  event.preventDefault();
  if (!chosen) return;
  insert(chosen.content.querySelector("[data-text]").textContent);
  check([...chosen.content.querySelectorAll("li")].map((item) => item.textContent));
});

// Undo

const undo = page.querySelector("[data-undo]");
if (undo) setTimeout(() => undo.remove(), Number(undo.dataset.undo) * 1000);

document.addEventListener("visibilitychange", () => { if (!document.hidden) { clearTimeout(timer); ask(); } });
send(page.dataset.told, {});
ask();
