/* Enhancements; every page works without them. Suggestions while typing follow the WAI-ARIA combobox pattern
   (list with manual selection: focus stays in the field), and an explicit choice of language is remembered. */

const MIN_LENGTH = 2;
const WAIT = 120; // milliseconds after the last key

function suggest(form) {
  const input = form.querySelector("input[type=search]");
  const list = form.querySelector("[role=listbox]");
  const status = form.querySelector("[role=status]");
  let timer = 0;
  let request = null;
  let selected = -1;

  input.setAttribute("role", "combobox");
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-controls", list.id);
  input.setAttribute("aria-expanded", "false");

  const stop = () => {
    clearTimeout(timer);
    request?.abort();
  };

  const close = () => {
    list.hidden = true;
    selected = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };

  const select = (index) => {
    const options = [...list.children];
    if (!options.length) return;
    selected = (index + options.length) % options.length;
    options.forEach((option, at) => option.setAttribute("aria-selected", String(at === selected)));
    input.setAttribute("aria-activedescendant", options[selected].id);
    options[selected].scrollIntoView({ block: "nearest" });
  };

  const show = (items) => {
    list.replaceChildren(...items.map((item, at) => {
      const option = document.createElement("li");
      option.id = `${list.id}-${at}`;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      option.dataset.url = item.url;
      option.textContent = item.title;
      if (item.context) {
        const context = document.createElement("span");
        context.className = "context";
        context.textContent = ` – ${item.context}`;
        option.append(context);
      }
      return option;
    }));
    close();
    if (!items.length || document.activeElement !== input) {
      status.textContent = "";
      return;
    }
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    status.textContent = items.length === 1
      ? status.dataset.countOne : status.dataset.countMany.replace("{count}", items.length);
  };

  const load = async () => {
    const text = input.value.trim();
    stop();
    if (text.length < MIN_LENGTH) return show([]);
    request = new AbortController();
    try {
      const address = `${form.dataset.suggest}?q=${encodeURIComponent(text)}`;
      const answer = await fetch(address, { signal: request.signal });
      if (answer.ok) show((await answer.json()).items);
    } catch (error) {
      if (error.name !== "AbortError") show([]); // Suggestions are a help; without them the form works as before.
    }
  };

  input.addEventListener("input", () => {
    clearTimeout(timer);
    // A choice belongs to what was typed when it was made.
    selected = -1;
    input.removeAttribute("aria-activedescendant");
    timer = setTimeout(load, WAIT);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (list.hidden) return;
      event.preventDefault();
      stop(); // Who chooses keeps the list that is shown: a later one must not take it away under their fingers.
      const last = list.children.length - 1;
      select(event.key === "ArrowDown" ? selected + 1 : selected < 0 ? last : selected - 1);
    } else if (event.key === "Enter" && !list.hidden && selected >= 0) {
      event.preventDefault();
      location.assign(list.children[selected].dataset.url);
    } else if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      stop();
      close();
    }
  });
  input.addEventListener("blur", close);
  form.addEventListener("submit", () => { stop(); close(); });
  // Before the field loses focus, which would close the list.
  list.addEventListener("pointerdown", (event) => {
    const option = event.target.closest("[role=option]");
    if (option && event.button === 0) {
      event.preventDefault();
      location.assign(option.dataset.url);
    }
  });
}

for (const form of document.querySelectorAll("form[data-suggest]")) suggest(form);

for (const link of document.querySelectorAll("a[data-language]")) {
  link.addEventListener("click", () => {
    const [prefix, secure] = location.protocol === "https:" ? ["__Host-", "; Secure"] : ["", ""];
    document.cookie = `${prefix}language=${link.dataset.language}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  });
}

/* What searches come to is told to this site alone, and recorded only of browsers that have searched here. */

const tell = (address, values) => navigator.sendBeacon(address, new URLSearchParams(values));

const unanswered = document.querySelector("[data-seen]");
if (unanswered) tell(unanswered.dataset.seen, { kind: "seen" });

function measure({ read, slug, language }) {
  let seconds = 0;
  let since = document.visibilityState === "visible" ? Date.now() : null;
  let told = 0;
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") {
      since = Date.now();
      return;
    }
    if (since !== null) seconds += (Date.now() - since) / 1000;
    since = null;
    if (Math.round(seconds) <= told) return;
    told = Math.round(seconds);
    tell(read, { kind: "read", slug, language, seconds: told });
  });
}

const article = document.querySelector("[data-read]");
if (article && document.referrer.startsWith(`${location.origin}/`)) measure(article.dataset);

// What was typed and refused is what the person wants to see first.
document.querySelector(".summary[tabindex]")?.focus();
