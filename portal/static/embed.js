/* The help widget that other sites show, version 1. Served at /embed/v1.js; see docs/embedding.md.
   It keeps nothing in the browser, sends no cookies, and shows everything that it is told as text; only the text of
   an article is HTML, which the portal has made safe when it was published. */
(() => {
  const NAME = "tier0-help";
  const script = document.currentScript || document.querySelector('script[src*="/embed/v1.js"]');
  if (!script || customElements.get(NAME)) return;
  const portal = new URL(script.src).origin;
  const CODES = ["en", "fr", "de", "ru"];

  const random = () => [...crypto.getRandomValues(new Uint32Array(8))].map((number) => number.toString(36)).join("");
  // What belongs together while this page is open; the next page has another one.
  const visit = random();
  const warn = (text) => console.warn(`${NAME}: ${text}`);
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  // Sites may demand that HTML comes through a policy of a known name.
  const policy = window.trustedTypes?.createPolicy(NAME, { createHTML: (text) => text });

  function parse(html) {
    const template = document.createElement("template");
    template.innerHTML = policy ? policy.createHTML(html) : html;
    return template.content;
  }

  function h(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (typeof value === "function") made.addEventListener(name, value);
      else if (value || value === "") made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.filter(Boolean));
    return made;
  }

  /* The words of a language, and whether this site may show the widget. */
  const texts = async (code) => (await fetch(`${portal}/embed/v1/${code}.json`, { credentials: "omit" })).json();

  // What the site's own styles say of the element ends here.
  const frame = (element, ...children) => h("div", { class: `all ${element.hasAttribute("launcher") ? "float" : ""}` }, ...children);

  function wanted(element) {
    const wishes = [element.getAttribute("language"), script.dataset.language, document.documentElement.lang, ...navigator.languages];
    return wishes.map((wish) => (wish || "").slice(0, 2).toLowerCase()).find((code) => CODES.includes(code)) || "en";
  }

  class Help extends HTMLElement {
    async connectedCallback() {
      if (this.shadowRoot) return;
      const root = this.attachShadow({ mode: "open" });
      root.adoptedStyleSheets = [sheet];
      const code = wanted(this);
      try {
        const words = await texts(code);
        if (words.allowed) this.parts = build(this, root, code, words);
        else warn(`${location.origin} is not in PORTAL_EMBED_ORIGINS of ${portal}`);
      } catch {
        warn(`${portal} does not answer`);
        root.append(frame(this, h("a", { class: "launch", href: `${portal}/${code}/` }, new URL(portal).host)));
      }
    }

    open(query) {
      this.parts?.open(query);
    }

    close() {
      this.parts?.close();
    }
  }

  function build(element, root, code, t) {
    const topic = element.getAttribute("topic") || script.dataset.topic || "";
    const isInline = !element.hasAttribute("launcher");
    const language = { lang: code, dir: "ltr" };
    const views = [];
    // Numbers of the last search and of the last article that was asked for: what comes late is not shown.
    let [asked, opening] = [0, 0];
    const plain = (act) => (event) => {
      if (event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      act();
    };
    const leave = (address, ...words) => h("a", { href: address, target: "_blank", rel: "noopener" }, ...words, h("span", { class: "hidden" }, ` ${t.tab}`));
    // What has failed stands above whatever is shown, until something else is done.
    const notice = h("div", { class: "fault", role: "alert" });
    const fail = ({ problem }) => notice.replaceChildren(problem?.status < 500 ? problem.detail : t.down, " ", leave(`${portal}/${code}/requests/new`, t.portal));

    async function call(path, body, more) {
      notice.replaceChildren();
      const options = { credentials: "omit", ...(body && { method: "POST", body: JSON.stringify(body) }), ...more, headers: { ...(body && { "Content-Type": "application/json" }), ...more?.headers } };
      const answer = await fetch(`${portal}/api/v1${path}`, options);
      const data = answer.status === 204 ? {} : await answer.json();
      if (answer.ok) return data;
      throw { problem: data };
    }

    /* One view after another; what was there before keeps its state and gets the focus back. */
    const body = h("div", { class: "body" });
    const back = h("button", { class: "quiet icon", "aria-label": t.back, click: () => leaveView() }, "‹");
    const show = () => {
      opening++;
      notice.replaceChildren();
      back.hidden = views.length < 2;
      body.replaceChildren(views.at(-1).view);
      body.scrollTop = 0;
    };
    const enter = (view) => {
      views.push({ view, from: root.activeElement });
      show();
      view.querySelector("[autofocus],h2")?.focus();
    };
    const leaveView = () => {
      const { from } = views.pop();
      show();
      (from?.isConnected && from !== back ? from : input).focus();
    };

    /* Searching. */
    const status = h("p", { role: "status" });
    const count = h("p", { class: "hidden", role: "status" });
    const found = h("div", {});
    const list = h("ul", { class: "list", id: "list", role: "listbox", "aria-label": t.suggestions, hidden: true });
    const input = h("input", { id: "query", type: "search", maxlength: 200, autocomplete: "off", autocapitalize: "none", enterkeyhint: "search", role: "combobox", "aria-autocomplete": "list", "aria-controls": "list", "aria-expanded": "false" });
    let [timer, typing, selected, items] = [0, null, -1];

    const closeList = () => {
      list.hidden = true;
      selected = -1;
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
    };
    const select = (index) => {
      const options = [...list.children];
      selected = (index + options.length) % options.length;
      options.forEach((option, at) => option.setAttribute("aria-selected", at === selected));
      input.setAttribute("aria-activedescendant", options[selected].id);
    };
    const choose = (item) => {
      stop();
      input.value = item.kind === "query" ? item.title : input.value;
      if (item.kind === "query") search();
      else openArticle(item.slug, code, new URL(item.url).hash);
    };
    const stop = () => {
      opening++;
      clearTimeout(timer);
      typing?.abort();
      closeList();
    };
    const suggest = async () => {
      typing?.abort();
      typing = new AbortController();
      ({ items } = await call(`/suggest?${new URLSearchParams({ q: input.value, language: code })}`, null, { signal: typing.signal }));
      list.replaceChildren(...items.map((item, at) => h("li", {
        id: `option-${at}`, role: "option", "aria-selected": "false",
        // The field keeps the focus: without it the list would close before the click.
        mousedown: (event) => event.preventDefault(), click: () => choose(item),
      }, item.title, item.context && h("span", {}, ` – ${item.context}`))));
      closeList();
      if (root.activeElement !== input || !items.length) return;
      list.hidden = false;
      input.setAttribute("aria-expanded", "true");
      count.textContent = plural(t.suggested, items.length);
    };
    const plural = (forms, number) => fill(forms[new Intl.PluralRules(code).select(number)] || forms.other, { n: number.toLocaleString(code) });
    const entry = (item) => h("li", { lang: item.language },
      h("h3", {}, h("a", { href: item.url, click: plain(() => openArticle(item.slug, code, new URL(item.url).hash)) }, item.title)),
      h("p", {}, parse(item.snippet_html)));
    const entries = (items) => h("ol", { class: "found" }, ...items.map(entry));
    const ask = (query) => h("div", { class: "ask" }, h("p", {}, t.person), h("button", { class: "quiet", click: () => openForm(query) }, t.ask));

    async function search(options = {}) {
      const q = input.value.trim();
      if (!q) return;
      stop();
      const mine = ++asked;
      status.textContent = t.wait;
      const values = { q, language: code, visit, limit: 10, submitted: !options.cursor, ...(topic && { topic }), ...options };
      try {
        const answer = await call(`/search?${new URLSearchParams(values)}`);
        if (mine === asked) shown(answer, q, options);
      } catch (error) {
        if (mine !== asked) return;
        status.textContent = "";
        if (!options.cursor) found.replaceChildren(ask(q));
        fail(error);
      }
    }

    function shown(answer, q, options) {
      const isNothing = answer.verdict === "unanswered";
      const more = answer.next && h("button", { class: "quiet", click: () => { more.remove(); search({ ...options, cursor: answer.next }); } }, t.more);
      status.textContent = isNothing ? fill(t.nothing, { query: q }) : plural(t.results, answer.total);
      if (options.cursor) {
        const last = found.querySelector(".ask");
        const next = entries(answer.results);
        last.before(next, more || "");
        next.querySelector("a")?.focus();
        return;
      }
      const repaired = answer.repairs.at(-1)?.text;
      found.replaceChildren(...[
        isNothing && answer.gap && h("p", {}, t.told),
        repaired && h("p", { class: "note" }, fill(t.instead, { query: repaired })),
        repaired && h("button", { class: "quiet", click: () => search({ exact: true }) }, fill(t.exact, { query: q })),
        answer.verdict === "uncertain" && h("p", { class: "note" }, t.perhaps),
        answer.verdict === "empty" && h("p", { class: "note" }, t.empty),
        isNothing && answer.results.length && h("h2", {}, t.closest),
        entries(answer.results), more,
        ...answer.elsewhere.flatMap((group) => [h("h2", {}, t.also[group.language]), entries(group.results)]),
        ask(q),
      ].filter(Boolean));
    }

    input.addEventListener("input", () => {
      stop();
      // Suggestions are a help; without them the search works as before.
      if (input.value.trim().length > 1) timer = setTimeout(() => suggest().catch(() => {}), 150);
    });
    input.addEventListener("blur", closeList);
    input.addEventListener("keydown", (event) => {
      const isDown = event.key === "ArrowDown";
      if (list.hidden || event.isComposing) return;
      if (isDown || event.key === "ArrowUp") select(isDown ? selected + 1 : selected < 0 ? -1 : selected - 1);
      else if (event.key === "Escape") closeList();
      else if (event.key === "Enter" && selected >= 0) choose(items[selected]);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });

    /* Reading. */
    async function openArticle(slug, from, hash) {
      const mine = ++opening;
      let article;
      try {
        article = await call(`/articles/${from}/${slug}?visit=${visit}`);
      } catch (error) {
        return mine === opening && fail(error);
      }
      if (mine !== opening) return;
      const text = h("div", {}, parse(article.html));
      const lang = article.shown_in || article.language;
      const site = new URL(article.url).origin;
      const jump = (hash) => {
        let id = hash.slice(1);
        try {
          id = decodeURIComponent(id);
        } catch {
          // A percent sign of its own.
        }
        const target = [...text.querySelectorAll("[id]")].find((one) => one.id === id);
        if (!target) return;
        target.tabIndex = -1;
        // The head of the panel, and the page around it, stay where they are.
        target.focus({ preventScroll: true });
        body.scrollTop += target.getBoundingClientRect().y - body.getBoundingClientRect().y;
      };
      for (const link of text.querySelectorAll("a[href]")) {
        const to = new URL(link.getAttribute("href"), article.url);
        const [, its, name] = (to.origin === site && to.pathname.match(/^\/(\w\w)\/articles\/([^/]+)$/)) || [];
        if (link.getAttribute("href")[0] === "#") link.addEventListener("click", plain(() => jump(to.hash)));
        else if (name) link.addEventListener("click", plain(() => openArticle(name, its, to.hash)));
        else link.target = "_blank";
        link.href = to;
      }
      for (const image of text.querySelectorAll("img")) image.src = new URL(image.getAttribute("src"), article.url);
      enter(h("article", {},
        h("h2", { tabindex: -1, lang }, article.title),
        article.shown_in && h("p", { class: "banner" }, t.only[lang]),
        article.freshness === "outdated" && h("p", { class: "banner" }, t.outdated),
        h("div", { lang }, text),
        opinion(article),
        h("p", {}, leave(article.url, t.whole)),
        ask(input.value || article.title)));
      if (hash) jump(hash);
    }

    function opinion(article) {
      const place = h("div", { class: "ask" });
      const send = async (words, ways, more) => {
        try {
          await call(`/articles/${article.language}/${article.slug}/feedback`, { ...more, voter: visit, visit });
          place.replaceChildren(h("p", { tabindex: -1, role: "status" }, words), ...ways);
          place.firstChild.focus();
        } catch (error) {
          fail(error);
        }
      };
      const button = (words, ...sent) => h("button", { class: "quiet", click: () => send(...sent) }, words);
      const why = Object.entries(t.reasons).map(([reason, words]) => button(words, t.thanks, [], { is_helpful: false, reason }));
      place.append(h("h3", {}, t.helpful), h("div", { class: "ways" },
        button(t.yes, t.thanks, [], { is_helpful: true }),
        button(t.no, t.why, [h("div", { class: "ways" }, ...why)], { is_helpful: false })));
      return place;
    }

    /* Asking a person. */
    let [form, about, sending, key] = [null, ""];

    function openForm(query) {
      form ||= newForm();
      const { subject } = form.elements;
      // What the person has written stays, wherever they have been.
      if (subject.value === about.slice(0, 120)) subject.value = query.slice(0, 120);
      about = query;
      enter(form);
    }

    function newForm() {
      const field = (name, attributes) => {
        const tag = attributes.rows ? "textarea" : "input";
        const control = h(tag, { id: name, name, "aria-describedby": `${name}-fault`, ...attributes });
        return [h("label", { for: name }, t.fields[name]), h("p", { class: "fault", id: `${name}-fault` }), control];
      };
      const send = h("button", {}, t.send);
      const made = h("form", { novalidate: true },
        h("h2", { tabindex: -1 }, t.ask), h("p", { class: "note" }, t.agent),
        ...field("subject", { autocomplete: "off", maxlength: 120 }),
        ...field("description", { rows: 5, required: true, maxlength: 5000 }),
        ...field("name", { autocomplete: "name", required: true, maxlength: 100 }),
        ...field("email", { type: "email", autocomplete: "email", required: true, maxlength: 254 }),
        send);
      const tell = (errors) => {
        for (const control of made.querySelectorAll("input,textarea")) {
          const error = errors.find((one) => one.field === control.name);
          control.removeAttribute("aria-invalid");
          if (error) control.setAttribute("aria-invalid", "true");
          made.querySelector(`#${control.name}-fault`).textContent = error ? (error.code !== "too_long" && t.faults[control.name]) || error.message : "";
        }
        made.querySelector("[aria-invalid]")?.focus();
      };
      made.addEventListener("submit", async (event) => {
        event.preventDefault();
        if (send.disabled) return;
        send.disabled = true;
        const values = { ...Object.fromEntries(new FormData(made)), language: code, query: about, visit, ...(topic && { topic }) };
        // The same sent twice is one request; what has been changed since is another one.
        const text = JSON.stringify(values);
        if (text !== sending) [sending, key] = [text, random()];
        try {
          const sent = await call("/requests", values, { headers: { "Idempotency-Key": key } });
          if (views.at(-1).view === made) views.pop();
          form = null;
          enter(h("div", {}, h("h2", { tabindex: -1 }, fill(t.sent, { number: sent.number })), h("p", {}, t.mailed), h("p", {}, leave(sent.url, t.follow))));
        } catch (error) {
          const errors = error.problem?.errors || [];
          tell(errors);
          if (!errors.length) fail(error);
        }
        send.disabled = false;
      });
      return made;
    }

    /* The whole of it. */
    const panel = h(isInline ? "section" : "dialog", { class: "panel", "aria-labelledby": "title", ...language });
    const close = () => panel.open && panel.close();
    panel.append(
      h("div", { class: "head" }, back, h("strong", { id: "title" }, t.title), !isInline && h("button", { class: "quiet icon", "aria-label": t.close, click: close }, "×")),
      notice, body);
    views.push({ view: h("div", {},
      h("form", { role: "search", submit: (event) => { event.preventDefault(); search(); } },
        h("label", { for: "query" }, t.label), h("div", { class: "row" }, input, h("button", {}, t.search), list)),
      count, status, found) });
    found.append(ask(""));
    show();
    const launch = !isInline && h("button", { class: "launch", "aria-haspopup": "dialog", "aria-expanded": "false", ...language, click: () => (panel.open ? close() : open()) }, t.launch);
    root.append(frame(element, launch, panel));
    if (launch) {
      panel.addEventListener("keydown", (event) => {
        if (event.key !== "Escape") return;
        event.preventDefault();
        event.stopPropagation();
        close();
      });
      panel.addEventListener("close", () => {
        launch.setAttribute("aria-expanded", "false");
        launch.focus();
      });
    }
    function open(query) {
      if (launch && !panel.open) {
        // On a phone it is the whole screen, and nothing behind it can be reached.
        panel[matchMedia("(max-width: 600px)").matches ? "showModal" : "show"]();
        launch.setAttribute("aria-expanded", "true");
        (body.querySelector("input,h2") || back).focus();
      }
      if (!query) return;
      while (views.length > 1) leaveView();
      input.value = query;
      search();
    }
    return { open, close };
  }

  // Dark where the site says that it can be dark, by its own color-scheme.
  const tone = (light, dark) => (CSS.supports("color", "light-dark(red, red)") ? `light-dark(${light}, ${dark})` : light);
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
    .all {
      all: initial; color-scheme: inherit; display: block;
      --back: var(--tier0-background, ${tone("#fff", "#1c2226")}); --text: var(--tier0-text, ${tone("#1d2328", "#e6e3dc")});
      --soft: var(--tier0-text-soft, ${tone("#545d64", "#a6aaa8")}); --line: var(--tier0-line, ${tone("#8b8676", "#76828a")});
      --accent: var(--tier0-accent, ${tone("#0b6b6b", "#5cc4be")}); --on: var(--tier0-on-accent, ${tone("#fff", "#08201f")});
      --mark: var(--tier0-mark, ${tone("#fbe7a6", "#5c4a12")}); --fault: var(--tier0-fault, ${tone("#a3301f", "#f0927f")});
      --radius: var(--tier0-radius, 8px);
      font: var(--tier0-size, 16px) / 1.5 var(--tier0-font, system-ui, sans-serif); color: var(--text);
    }
    :host { display: block; }
    :host([hidden]), [hidden] { display: none !important; }
    .float { position: fixed; inset-block-end: var(--tier0-offset, 16px); inset-inline-end: var(--tier0-offset, 16px); z-index: var(--tier0-z, 2147483000); }
    *, ::before { box-sizing: border-box; }
    :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
    button, input, textarea { font: inherit; min-block-size: 44px; min-inline-size: 44px; border-radius: var(--radius); }
    button, .launch { padding: 8px 16px; border: 1px solid var(--accent); background: var(--accent); color: var(--on); font-weight: 600; cursor: pointer; }
    .launch { display: inline-block; box-shadow: 0 2px 12px #0005; border-radius: max(var(--radius), 22px); }
    .quiet { background: none; color: var(--accent); }
    .icon { padding: 0; border-color: transparent; font-size: 1.25em; }
    input, textarea { inline-size: 100%; padding: 8px 12px; border: 1px solid var(--line); background: var(--back); color: var(--text); }
    [aria-invalid] { border: 2px solid var(--fault); }
    .panel { display: flex; flex-direction: column; inline-size: 100%; margin: 0; padding: 0; overflow: clip; border: 1px solid var(--line); border-radius: var(--radius); background: var(--back); color: var(--text); text-align: start; overflow-wrap: anywhere; }
    dialog:not([open]) { display: none; }
    dialog.panel { position: absolute; inset: auto 0 calc(100% + 12px) auto; inline-size: min(400px, 100vw - 32px); block-size: min(600px, 100vh - 110px); box-shadow: 0 2px 12px #0005; }
    .float:dir(rtl) .panel { inset-inline: 0 auto; }
    dialog.panel:modal { position: fixed; inset: 0; inline-size: 100%; block-size: 100%; max-inline-size: none; max-block-size: none; border: 0; border-radius: 0; }
    .head { display: flex; align-items: center; gap: 4px; padding: 4px 8px; border-block-end: 1px solid var(--line); }
    .head strong { flex: 1; padding-inline-start: 8px; }
    .body { flex: 1; overflow: auto; position: relative; padding: 16px; }
    .row { display: flex; gap: 8px; position: relative; }
    .row button { flex: none; }
    .list { position: absolute; inset: 100% 0 auto; z-index: 1; margin: 4px 0; border: 1px solid var(--line); border-radius: var(--radius); background: var(--back); }
    .list li { padding: 10px 12px; cursor: pointer; }
    .list [aria-selected=true], .list li:hover { background: var(--accent); color: var(--on); }
    label { display: block; margin-block: 12px 4px; font-weight: 600; }
    h2, h3, h4 { margin: 16px 0 8px; line-height: 1.25; font-size: 1.1em; }
    article > h2 { font-size: 1.3em; }
    h2:first-child, label:first-child, .found * { margin-block-start: 0; }
    p, ul, ol { margin-block: 8px; }
    .found, .list { padding: 0; list-style: none; }
    .found a { display: block; padding-block-start: 10px; }
    a { color: var(--accent); }
    mark { background: var(--mark); color: inherit; font-weight: 600; }
    .note { color: var(--soft); }
    .fault { margin-block: 4px; color: var(--fault); font-weight: 600; }
    .head + .fault { margin-inline: 16px; }
    .banner { padding: 8px 12px; border: 1px solid var(--line); border-inline-start-width: 4px; }
    .ask { margin-block-start: 24px; padding-block-start: 16px; border-block-start: 1px solid var(--line); }
    .ask button, form > button { margin-block: 8px 0; }
    .ways { display: flex; flex-wrap: wrap; gap: 8px; }
    .hidden { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
    img { max-inline-size: 100%; block-size: auto; }
    .scroll, pre { overflow: auto; }
    td, th { padding: 4px 8px; border: 1px solid var(--line); text-align: start; overflow-wrap: normal; }
    kbd { padding: 0 4px; border: 1px solid var(--line); border-radius: 4px; }
    .admonition { margin-block: 12px; padding: 8px 12px; border-inline-start: 4px solid var(--accent); }
    .admonition-title { font-weight: 700; }
    @media (forced-colors: active) { .list [aria-selected=true] { outline: 2px solid; outline-offset: -2px; } }
    @media print { .float { display: none; } }
  `);

  customElements.define(NAME, Help);
  const place = () => document.querySelector(NAME) || script.dataset.launcher === "off" || document.body.append(h(NAME, { launcher: true }));
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", place);
  else place();
})();
