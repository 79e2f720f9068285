/* The request form: a draft that survives leaving the page, articles while typing, and fields for a call when wanted.
   Without this the form works as before; articles are then suggested before it is sent. */

const DRAFT = "request-draft";
const KEPT_FOR = 24 * 3600 * 1000; // milliseconds
const MIN_LENGTH = 4;
const WAIT = 500; // milliseconds after the last key

const form = document.querySelector("#ui-request");
const subject = form.elements.namedItem("subject");
const description = form.elements.namedItem("description");

/* The draft */

function readDraft() {
  try {
    const draft = JSON.parse(localStorage.getItem(DRAFT));
    if (draft && Date.now() - draft.at < KEPT_FOR) return draft;
    localStorage.removeItem(DRAFT);
  } catch { /* Where nothing can be kept, the form works without. */ }
  return null;
}

function writeDraft() {
  try {
    if (subject.value.trim() || description.value.trim()) {
      const draft = { subject: subject.value, description: description.value, at: Date.now() };
      localStorage.setItem(DRAFT, JSON.stringify(draft));
    } else localStorage.removeItem(DRAFT);
  } catch { /* As above. */ }
}

function keep() {
  const line = document.querySelector("#ui-kept");
  const given = { subject: subject.defaultValue, description: description.defaultValue };
  const draft = "fresh" in form.dataset ? readDraft() : null;
  if (draft && (draft.subject !== given.subject || draft.description !== given.description)) {
    subject.value = String(draft.subject ?? "").slice(0, subject.maxLength);
    description.value = String(draft.description ?? "").slice(0, description.maxLength);
    line.hidden = false;
  }
  line.querySelector("button").addEventListener("click", () => {
    subject.value = given.subject;
    description.value = given.description;
    try { localStorage.removeItem(DRAFT); } catch { /* As above. */ }
    line.hidden = true;
    description.focus();
  });
  let timer = 0;
  form.addEventListener("input", (event) => {
    if (event.target !== subject && event.target !== description) return;
    clearTimeout(timer);
    timer = setTimeout(writeDraft, 300);
  });
  addEventListener("pagehide", () => { if (timer) writeDraft(); });
  form.addEventListener("submit", () => { clearTimeout(timer); timer = 0; writeDraft(); });
}

/* Articles while typing */

function suggest() {
  const section = document.querySelector("#ui-live-suggested");
  const list = section.querySelector("ul");
  const pattern = section.querySelector("template");
  const status = document.querySelector("#ui-live-count");
  let timer = 0;
  let request = null;
  let asked = "";

  const item = (found) => {
    const made = pattern.content.cloneNode(true);
    const link = made.querySelector("a");
    const button = made.querySelector("button");
    link.href = found.url;
    link.textContent = found.title;
    made.querySelector("p").textContent = found.snippet;
    button.value = found.slug;
    button.querySelector("span").append(found.title);
    return made;
  };

  const tell = () => {
    const body = new URLSearchParams({ stamp: form.elements.namedItem("stamp").value });
    fetch(form.dataset.shown, { method: "POST", body, keepalive: true }).catch(() => {}); // It only counts.
  };

  const show = (items) => {
    // What a person is about to press does not move away under their finger.
    if (section.contains(document.activeElement)) return;
    list.replaceChildren(...items.map(item));
    section.hidden = !items.length;
    status.textContent = !items.length ? "" : items.length === 1
      ? status.dataset.countOne : status.dataset.countMany.replace("{count}", items.length);
    const suggested = form.elements.namedItem("suggested");
    if (items.length && !suggested.value) {
      suggested.value = "1";
      tell();
    }
  };

  const load = async () => {
    const texts = [subject.value, description.value].map((text) => text.trim().slice(0, 200));
    const address = `${form.dataset.suggestArticles}?${new URLSearchParams(texts.map((text) => ["q", text]))}`;
    if (address === asked) return;
    asked = address;
    request?.abort();
    request = new AbortController();
    try {
      if (texts.every((text) => text.length < MIN_LENGTH)) return show([]);
      const answer = await fetch(address, { signal: request.signal });
      show(answer.ok ? (await answer.json()).items : []);
    } catch (error) {
      if (error.name !== "AbortError") show([]); // Articles are a help; without them the form works as before.
    }
  };

  for (const field of [subject, description]) {
    field.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(load, WAIT);
    });
  }
  form.addEventListener("submit", () => { clearTimeout(timer); request?.abort(); });
  load(); // The form may be filled in with a search or a draft.
}

/* A call */

function call() {
  const wanted = form.elements.namedItem("callback");
  const fields = document.querySelector("#ui-call");
  if (fields.querySelector("[name=phone]").value.trim()) wanted.checked = true;
  const follow = () => { fields.hidden = fields.disabled = !wanted.checked; };
  wanted.addEventListener("change", follow);
  follow();
}

keep();
call();
// Before sending the server suggests them itself, above the form.
if (!document.querySelector("[data-focus]")) suggest();
document.querySelector("[data-focus]")?.focus();
