/* The page of the search without a server: field, results, keyboard. */
(() => {
  "use strict";
  const SHOWN = 10, LENGTH = 200, LEAD = 40, WAIT = 150;
  const language = document.documentElement.lang, own = portalSearch(language);
  const part = (name) => document.getElementById(`ui-${name}`);
  const field = part("search"), status = part("status"), list = part("results"), more = part("more");
  const note = part("note"), topics = part("topics-part"), elsewhere = part("elsewhere");
  let turn = 0, timer = 0;

  function make(tag, name, ...inside) {
    const node = document.createElement(tag);
    if (name) node.className = name;
    node.append(...inside);
    return node;
  }

  function marked(text, places, start = 0, end = text.length) {
    const nodes = [];
    let at = start;
    for (const place of places) {
      if (place.start < at || place.end > end) continue;
      nodes.push(text.slice(at, place.start), make("mark", "", text.slice(place.start, place.end)));
      at = place.end;
    }
    return [...nodes, text.slice(at, end)];
  }

  /* The part of an article that has most of the wanted words; its beginning where none has any. */
  function snippet(sections, hits, wanted) {
    let best = { value: 0, text: (sections.find(([, , text]) => text) || ["", "", ""])[2], places: [], start: 0, anchor: "", heading: "" };
    for (const [anchor, heading, text] of sections) {
      const places = hits(text);
      places.forEach(({ start }, first) => {
        const inside = places.slice(first, first + 40).filter(({ end }) => end - start <= LENGTH - LEAD);
        const value = [...new Set(inside.flatMap(({ ids }) => ids))].reduce((sum, id) => sum + (wanted.get(id) || 0), 0);
        if (value > best.value) best = { value, anchor, heading, text, places, start };
      });
    }
    const { text, places } = best;
    let start = Math.max(0, Math.min(best.start - LEAD, text.length - LENGTH));
    if (start) start = text.indexOf(" ", start) + 1;
    const cut = text.lastIndexOf(" ", start + LENGTH);
    const end = text.length <= start + LENGTH ? text.length : cut > start ? cut : start + LENGTH;
    return { ...best, nodes: [start ? "… " : "", ...marked(text, places, start, end), end < text.length ? " …" : ""] };
  }

  function item({ language: code, slug, title, topic, sections }, hits, wanted) {
    const { anchor, heading, nodes } = snippet(sections, hits, wanted);
    const link = make("a", "", ...marked(title, hits(title)));
    link.href = `../../${code}/${slug}${slug === "index" ? "-" : ""}.html${anchor && `#${encodeURIComponent(anchor)}`}`;
    const place = make("p", "place", heading ? `${topic} › ${heading}` : topic);
    const made = make("li", "result", make("h2", "result-title", link), place, make("p", "snippet", ...nodes));
    if (code !== language) made.lang = link.hreflang = code;
    return made;
  }

  /* The language whose articles have more of the words than the reader's own have; null where none has. */
  async function foreign(text, answer) {
    let best = null;
    for (const link of answer.unknown && elsewhere ? elsewhere.querySelectorAll("a") : []) {
      const engine = portalSearch(link.lang), there = await engine.search(text, { isExact: true });
      if (there.found.length && there.unknown < (best || answer).unknown) best = { ...there, engine };
    }
    return best;
  }

  const address = (text, exact = "") => `#q=${encodeURIComponent(text)}${exact && "&exact=1"}`;

  function explain(text, { repairs, engine }) {
    const searched = repairs.reduce((all, [typed, meant]) => all.replace(typed, meant), text);
    const says = engine ? note.dataset[`in${engine.language}`] : repairs.length ? note.dataset.shown.replace("{text}", searched) : "";
    const instead = make("a", "", engine ? note.dataset.only : note.dataset.instead.replace("{text}", text));
    instead.href = address(text, "exact");
    note.hidden = !says;
    note.replaceChildren(says, " ", instead);
  }

  function count(number) {
    const kind = new Intl.PluralRules(language).select(number);
    return (status.dataset[kind] || status.dataset.other).replace("{count}", number.toLocaleString(language));
  }

  async function show(text, options) {
    const mine = (turn += 1);
    let answer = { found: [], repairs: [] };
    list.setAttribute("aria-busy", "true");
    try {
      if (text) answer = await own.search(text, options);
      if (text && !options.isLive && !options.isExact) answer = (await foreign(text, answer)) || answer;
      const { found, wanted, isEmpty, engine = own } = answer;
      const page = async (from) => Promise.all(found.slice(from, from + SHOWN).map(async (number) => {
        const there = await engine.document(number), here = engine === own ? there : await own.bySlug(there.slug);
        return item(here || there, (part_) => (here === there || !here ? engine.hits(part_, wanted) : []), wanted);
      }));
      const first = await page(0);
      if (mine !== turn) return;
      list.replaceChildren(...first);
      const none = isEmpty ? status.dataset.empty : status.dataset.none.replace("{text}", text);
      status.textContent = found.length ? count(found.length) : text ? none : "";
      explain(text, answer);
      topics.hidden = found.length > 0;
      more.hidden = found.length <= SHOWN;
      more.onclick = async () => {
        const next = await page(list.children.length);
        list.append(...next);
        more.hidden = list.children.length >= found.length;
        next[0].querySelector("a").focus();
      };
      if (!elsewhere) return;
      elsewhere.hidden = !text || found.length > 3;
      for (const link of elsewhere.querySelectorAll("a")) link.hash = address(text);
    } catch (error) {
      if (mine === turn) status.textContent = status.dataset.broken;
      throw error;
    } finally {
      if (mine === turn) {
        list.setAttribute("aria-busy", "false");
        list.dataset.query = text;
      }
    }
  }

  function fromAddress() {
    const given = new URLSearchParams(location.hash.length > 1 ? location.hash.slice(1) : location.search);
    field.value = (given.get("q") || "").slice(0, 200);
    return show(field.value.trim(), { isExact: given.get("exact") === "1" });
  }

  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => show(field.value.trimStart(), { isLive: true }), WAIT);
  });
  field.form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    if (location.hash === address(field.value)) fromAddress(); else location.hash = address(field.value);
  });
  addEventListener("hashchange", fromAddress);
  addEventListener("keydown", (event) => {
    const links = [...list.querySelectorAll("a")], at = links.indexOf(document.activeElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key] || 0;
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "/" && document.activeElement !== field) field.select();
    else if (event.key === "Escape" && at >= 0) field.focus();
    else if (links.length && (at >= 0 ? step : step > 0 && document.activeElement === field)) (links[at + step] || (step < 0 ? field : links[at])).focus();
    else return;
    event.preventDefault();
  });
  fromAddress();
})();
