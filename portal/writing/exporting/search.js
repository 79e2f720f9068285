/* Search without a server. Each language's data lies in its folder in scripts, for pages opened from a disk may load
   nothing else: m (what there is), w… (words as written → terms), t… (term → articles, with what it adds to the score
   of each, as the portal's engine computes it), s (synonyms), d… (texts). Only what a search needs is loaded. */
(() => {
  "use strict";
  const LETTERS = "[\\p{L}\\p{N}](?:[\\p{L}\\p{N}]|[\\u0300-\\u036f\\u00ad\\u200b-\\u200d])*";
  const JOINED = new RegExp(`${LETTERS}(?:(?:[-‐‑_.@/\\\\'’ʼ+&]|:\\\\?)${LETTERS})*`, "gu");
  const PART = new RegExp(LETTERS, "gu");
  const RERANKED = 50, COMPLETIONS = 8, COMPLETED = 0.5, RUN = 6;
  const arriving = new Map(), engines = new Map();

  window.portalData = (name, data) => arriving.get(name)?.(data.split ? data.split("\n") : data);

  const fold = (text) => text.normalize("NFKC").toLowerCase().replace(/ß/g, "ss").replace(/œ/g, "oe").replace(/æ/g, "ae")
    .replace(/ё/g, "е").normalize("NFKD").replace(/(?!\u0306)\p{M}/gu, "").normalize("NFC");
  const plain = (text) => fold(text.slice(0, 64)).replace(/[^\p{L}\p{N}]/gu, "");

  /* The place of the last of sorted values that is not beyond one. */
  function last(list, value) {
    let low = 0, high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (list[middle] <= value) low = middle + 1; else high = middle;
    }
    return Math.max(0, low - 1);
  }

  /* Whether one letter was left out, added, changed, or two were swapped. */
  function isNear(a, b) {
    if (Math.abs(a.length - b.length) > 1) return false;
    let start = 0, end = 0;
    while (start < a.length && a[start] === b[start]) start += 1;
    while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end += 1;
    const x = a.slice(start, a.length - end), y = b.slice(start, b.length - end);
    return (x.length < 2 && y.length < 2) || (x.length === 2 && x[0] === y[1] && x[1] === y[0]);
  }

  class Engine {
    constructor(language, base) {
      Object.assign(this, { language, base, parts: new Map(), rows: new Map(), terms: new Map() });
    }

    load(part) {
      const name = `${this.language}/${part}`;
      if (!this.parts.has(part)) {
        this.parts.set(part, new Promise((done, fail) => {
          const script = document.createElement("script");
          arriving.set(name, (data) => { done(data); script.remove(); });
          script.src = `${this.base}${this.language}/search/${part}.js`;
          script.onerror = () => { this.parts.delete(part); fail(new Error(name)); };
          document.head.append(script);
        }));
      }
      return this.parts.get(part);
    }

    /* One part of the list of words: word → its terms, how often it occurs, and whether anybody writes it so. */
    async words(number) {
      if (!this.rows.has(number)) {
        const rows = new Map();
        let word = "";
        for (const line of await this.load(`w${number}`)) {
          const [tail, facts] = line.split(" ");
          word = word.slice(0, parseInt(tail[0], 36)) + tail.slice(1);
          const ids = facts.slice(2).split(",").map((id) => parseInt(id, 36));
          rows.set(word, { word, ids, weight: parseInt(facts[0], 36), isWritten: facts[1] === "w" });
        }
        this.rows.set(number, rows);
      }
      return this.rows.get(number);
    }

    async find(word) {
      return word ? (await this.words(last(this.known.words, word))).get(word) : undefined;
    }

    async beginningWith(start) {
      const { words } = this.known, found = [];
      for (let at = last(words, start); at < words.length && (words[at] <= start || words[at].startsWith(start)); at += 1) {
        for (const row of (await this.words(at)).values()) if (row.isWritten && row.word.startsWith(start)) found.push(row);
      }
      return found.sort((a, b) => b.weight - a.weight).slice(0, COMPLETIONS);
    }

    async nearest(word) {
      let best = null;
      for (const rows of await Promise.all(this.known.words.map((_, at) => this.words(at)))) {
        for (const row of rows.values()) {
          const value = row.weight + (row.word[0] === word[0] ? 4 : 0);
          if (row.isWritten && (!best || value > best.value) && isNear(word, row.word)) best = { ...row, value };
        }
      }
      return best;
    }

    /* What a token may be in the list of words: as a whole, and its parts. */
    readings(token) {
      let text = token.replace(this.elided, "").replace(/[\u00ad\u200b-\u200d]/g, "");
      if (this.language === "en") text = text.replace(/['’ʼ]s$/, "");
      text = text.replace(/['’ʼ]/g, "");
      const joints = text.replace(/[\p{L}\p{N}\p{M}]/gu, "");
      if (!joints) return [plain(text), []];
      const whole = /^[-‐‑_]+$/.test(joints) ? plain(text) : fold(text).replace(/^v(?=\d+(\.\d+)+$)/, "");
      return [whole, (text.match(PART) || []).map(plain)];
    }

    /* A word that no article has, as some that they have: another ending, its parts, the nearest spelling. */
    async mended(word, isExact) {
      const { umlauts, endings, links } = this.known;
      const other = umlauts && (await this.find(word.replace(/([ao])e|(?<![aeq])(u)e/g, "$1$2")));
      if (other) return [other];
      for (const ending of endings) {
        const row = word.endsWith(ending) && word.length > ending.length + 2 && (await this.find(word.slice(0, -ending.length)));
        if (row) return [row];
      }
      const numbered = word.match(/^(\p{L}{3,})(\d{1,4})$/u);
      if (numbered) return (await Promise.all([this.find(numbered[1]), this.find(numbered[2])])).filter(Boolean);
      for (let at = word.length - 4; links.length && at > 3; at -= 1) {
        const right = await this.find(word.slice(at));
        for (const link of right ? links : []) {
          const left = word.slice(0, at).endsWith(link) && at - link.length > 3 && (await this.find(word.slice(0, at - link.length)));
          if (left) return [left, right];
        }
      }
      const near = !isExact && word.length > 3 && !/\d/.test(word) && (await this.nearest(word));
      return near ? [{ ...near, typed: word }] : [];
    }

    isStop(word) {
      return !word || this.known.stop.includes(word);
    }

    /* Words between blanks as they would be on the keyboard layout that was meant, if all of them are words there. */
    async retyped(chunk) {
      for (const [from, to] of this.known.layouts) {
        const text = [...chunk].map((sign) => (from.includes(sign) ? to[from.indexOf(sign)] : sign)).join("");
        const words = (text.match(JOINED) || []).map((token) => this.readings(token)[0]);
        if (text !== chunk && words.length && (await Promise.all(words.map((word) => this.find(word)))).every(Boolean)) return text;
      }
      return null;
    }

    /* A query as clues, each with the ways to say it, of which the best counts in each article. */
    async read(text, isLive, isExact) {
      const clues = new Map(), repairs = [], chunks = text.match(/\S+/g) || [];
      let unknown = 0;
      for (let [at, chunk] of chunks.entries()) {
        const isOpen = isLive && at === chunks.length - 1 && text.endsWith(chunk);
        const isKnown = async (token) => {
          const [whole, inner] = this.readings(token);
          for (const word of [whole, ...inner]) if (this.isStop(word) || (await this.find(word))) return true;
          return false;
        };
        const known = await Promise.all((chunk.match(JOINED) || []).map(isKnown));
        const meant = !isOpen && !isExact && !known.includes(true) && (await this.retyped(chunk));
        if (meant) repairs.push([chunk, chunk = meant.toLowerCase()]);
        unknown += known.filter((is) => !is).length;
        for (const token of chunk.match(JOINED) || []) {
          const [whole, inner] = this.readings(token), row = await this.find(whole);
          for (const word of row || !inner.length ? [whole] : inner) {
            if (!this.isStop(word)) await this.addClues(word, token, { clues, repairs, isOpen, isExact });
          }
        }
      }
      return { clues: await this.withSynonyms([...clues.values()], text), repairs, unknown };
    }

    async addClues(word, token, { clues, repairs, isOpen, isExact }) {
      const row = await this.find(word);
      const more = isOpen ? await this.beginningWith(word) : [];
      const rows = row ? [row] : more.length ? [] : await this.mended(word, isExact);
      for (const { typed, word: meant } of rows) if (typed) repairs.push([token, meant]);
      const ids = [...new Set(rows.flatMap((one) => one.ids))];
      const lists = await Promise.all(ids.map((id) => this.term(id)));
      const there = ids.filter((_, at) => lists[at]);
      const ways = more.map((one) => ({ ids: one.ids.slice(0, 1), worth: row ? COMPLETED : 1 }));
      for (const id of there.length ? there : ids.slice(0, 1)) {
        if (!clues.has(id)) clues.set(id, { id, ways: [{ ids: [id], worth: 1 }, ...ways] });
      }
      if (!ids.length) clues.set(word, { id: word, ways });
    }

    async withSynonyms(clues, text) {
      const here = new Set((text.match(PART) || []).map(plain)), taken = new Set();
      const synonyms = clues.length ? await this.load("s") : {};
      for (let length = Math.min(RUN, clues.length); length; length -= 1) {
        for (let at = 0; at + length <= clues.length; at += 1) {
          const run = clues.slice(at, at + length);
          if (run.some((clue) => taken.has(clue))) continue;
          for (const [needs, ways] of synonyms[run.map(({ id }) => id).join()] || []) {
            if (!needs.every((word) => here.has(word))) continue;
            for (const clue of run) { taken.add(clue); clue.ways.push(...ways.map(([worth, ids]) => ({ worth, ids }))); }
          }
        }
      }
      return clues;
    }

    /* The articles of a term, with its rarity; null where none has it. */
    async term(id) {
      if (!this.terms.has(id)) {
        const shard = last(this.known.terms, id);
        const [rarity, ...postings] = (await this.load(`t${shard}`))[id - this.known.terms[shard]].split(" ");
        let number = 0;
        this.terms.set(id, !rarity ? null : {
          rarity: parseInt(rarity, 36) / 100,
          postings: postings.map((posting) => {
            const [step, impact, ...places] = posting.split(".").map((part) => parseInt(part, 36));
            number += step;
            return { number, impact: impact / 100, places };
          }),
        });
      }
      return this.terms.get(id);
    }

    async merged({ ways }) {
      const best = new Map(), having = new Map();
      let rarity = 0, worths = 0;
      for (const { ids, worth } of ways) {
        const lists = (await Promise.all(ids.map((id) => this.term(id)))).filter(Boolean);
        if (!lists.length) continue;
        const sums = new Map(), places = new Map();
        for (const { number, impact, places: own } of lists.flatMap(({ postings }) => postings)) {
          sums.set(number, (sums.get(number) || 0) + (impact * worth) / ids.length);
          for (let at = 0; at < own.length; at += 2) {
            const key = `${number} ${own[at]}`;
            places.set(key, [(places.get(key)?.[0] || 0) + 1, own[at + 1] / 100]);
          }
        }
        for (const [number, sum] of sums) if (sum > (best.get(number) || 0)) best.set(number, sum);
        for (const [key, [times, mass]] of places) if (times === ids.length) having.set(key, mass);
        rarity += (worth * lists.reduce((sum, list) => sum + list.rarity, 0)) / lists.length;
        worths += worth;
      }
      return { best, having, rarity: worths ? rarity / worths : this.known.highest };
    }

    /* The portal's order: what the words add up to, raised by how well the title or a heading is the query as a whole. */
    ranked(lists) {
      const scores = new Map(), common = new Map();
      const asked = lists.reduce((sum, { rarity }) => sum + rarity, 0);
      for (const { best, having, rarity } of lists) {
        for (const [number, value] of best) scores.set(number, (scores.get(number) || 0) + value);
        for (const [key, mass] of having) common.set(key, [(common.get(key)?.[0] || 0) + rarity, mass]);
      }
      const byScore = (a, b) => b[1] - a[1] || a[0] - b[0];
      const order = [...scores].sort(byScore), fits = new Map(order.slice(0, RERANKED).map(([number]) => [number, 0]));
      for (const [key, [sum, mass]] of common) {
        const number = parseInt(key, 10), fit = Math.min(1, (2 * sum) / (mass + asked));
        if (fit > fits.get(number)) fits.set(number, fit);
      }
      const first = [...fits].map(([number, fit]) => [number, scores.get(number) * (1 + fit)]).sort(byScore);
      return [...first, ...order.slice(RERANKED)].map(([number]) => number);
    }

    /* What a query finds: numbers of articles, best first; repairs as typed and meant; the rarity of each wanted term;
       how many words no article has as they were typed. */
    async search(text, { isLive = false, isExact = false } = {}) {
      this.known ??= await this.load("m");
      this.elided ??= new RegExp(this.known.elided, "iu");
      const { clues, repairs, unknown } = await this.read(text.slice(0, 200), isLive, isExact);
      const lists = await Promise.all(clues.map((clue) => this.merged(clue)));
      const wanted = new Map(clues.flatMap(({ ways }, at) => ways.flatMap(({ ids }) => ids.map((id) => [id, lists[at].rarity]))));
      return { found: this.ranked(lists), repairs, wanted, unknown, isEmpty: !clues.length };
    }

    async document(number) {
      const shard = last(this.known.texts, number);
      const [slug, title, topic, ...sections] = (await this.load(`d${shard}`))[number - this.known.texts[shard]];
      return { language: this.language, slug, title, topic: this.known.topics[topic], sections };
    }

    /* The same article in this language, if it has one. */
    async bySlug(slug) {
      this.known ??= await this.load("m");
      const shard = last(this.known.slugs, slug);
      const at = (await this.load(`d${shard}`)).findIndex(([own]) => own === slug);
      return at < 0 ? null : this.document(this.known.texts[shard] + at);
    }

    /* Where wanted words stand in a text. */
    hits(text, wanted) {
      const forms = new Map();
      for (const rows of this.rows.values()) {
        for (const { word, ids } of rows.values()) if (ids.some((id) => wanted.has(id))) forms.set(word, ids.filter((id) => wanted.has(id)));
      }
      return [...text.matchAll(JOINED)].flatMap((match) => {
        const [whole, inner] = this.readings(match[0]);
        const ids = [whole, ...inner].flatMap((word) => forms.get(word) || []);
        return ids.length ? [{ start: match.index, end: match.index + match[0].length, ids }] : [];
      });
    }
  }

  window.portalSearch = (language, base = "../../") => {
    if (!engines.has(language)) engines.set(language, new Engine(language, base));
    return engines.get(language);
  };
})();
