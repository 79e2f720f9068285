/* The queue: moving from row to row, ticking, and news. All of it works without; the keys themselves are in
   shortcuts.js, which presses whatever carries data-key. */

const EVERY = 15000; // milliseconds between questions for news
const LONGEST = 240000; // the same while they fail

const tabs = document.querySelector("[data-counts]");
const news = document.querySelector("[data-news]");
const table = document.querySelector(".tickets .queue");

/* Rows */

const rows = table ? [...table.querySelectorAll("tbody tr")] : [];
const here = () => rows.findIndex((row) => row.contains(document.activeElement));
let last = -1;

function go(to) {
  if (to < 0 || to >= rows.length) return;
  last = to;
  rows[to].querySelector(".subject a").focus();
  rows[to].scrollIntoView({ block: "nearest" });
}

const moves = {
  next: (at) => go(at + 1),
  previous: (at) => go(at - 1),
  tick: (at) => {
    const box = rows[Math.max(at, 0)].querySelector("input[type=checkbox]");
    box.checked = !box.checked;
    box.dispatchEvent(new Event("change", { bubbles: true }));
    go(Math.max(at, 0));
  },
};

if (table) {
  document.querySelector(".row-keys").hidden = false;
  table.addEventListener("focusin", () => { last = here(); });
  for (const button of document.querySelectorAll("[data-row]")) {
    // A button that is pressed has the focus itself: it goes on from the row that had it before.
    button.addEventListener("click", () => moves[button.dataset.row](here() >= 0 ? here() : last));
  }
}

/* How many tickets are ticked. */

const bulk = document.querySelector(".bulk");
if (bulk) {
  const told = bulk.querySelector("[data-ticked]");
  const count = () => {
    const ticked = table.querySelectorAll("input:checked").length;
    told.textContent = ticked === 0 ? "" : ticked === 1 ? bulk.dataset.one : bulk.dataset.many.replace("{count}", ticked);
    bulk.classList.toggle("bulk-ready", ticked > 0);
  };
  table.addEventListener("change", count);
  count(); // A page that one comes back to may have ticks.
}

/* News: counts change by themselves, rows never do; who wants to see new ones loads the page again. */

let version = "";
let failures = 0;
let timer = 0;

function wait() {
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(ask, Math.min(EVERY * 2 ** failures, LONGEST));
}

function show({ tabs: counts, news: text }) {
  for (const badge of tabs.querySelectorAll("[data-tab]")) badge.textContent = counts[badge.dataset.tab];
  if (news.textContent === text) return;
  const link = document.createElement("a");
  link.href = tabs.querySelector("[aria-current]").href; // Not this page's: its form may have been sent.
  link.textContent = text;
  news.replaceChildren(...(text ? [link] : []));
}

async function ask() {
  try {
    const answer = await fetch(tabs.dataset.counts, { headers: { "If-None-Match": version }, cache: "no-store" });
    if (answer.redirected || answer.status === 401) return; // Signed out; the next click says so.
    if (!answer.ok && answer.status !== 304) throw new Error(answer.status);
    if (answer.ok) {
      version = answer.headers.get("ETag");
      show(await answer.json());
    }
    failures = 0;
  } catch {
    failures += 1;
  }
  wait();
}

document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (!document.hidden) ask();
});

wait();
