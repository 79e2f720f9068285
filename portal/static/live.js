/* A request's page while it is open: news appear by themselves. What is being typed is left alone, nothing scrolls,
   and a plain reload shows the same. */

const SOON = 1500; // milliseconds
const HERE = 10000; // between two times that the desk is told that the page is open
const LATER = 10000; // after QUIET without news
const QUIET = 5 * 60 * 1000;
const LONGEST = 60000; // between attempts while they fail

const live = document.querySelector("#ui-live");
const ways = document.querySelector("#ui-ways");
const news = document.querySelector("#ui-news");
let version = `"${live.dataset.version}"`;
let lastNews = Date.now();
let failures = 0;
let timer = 0;
let typedAt = 0;
let toldAt = 0;
let told = "";
let isAsking = false;

const stands = () => live.querySelector("#ui-thread").dataset.status;

function wait() {
  clearTimeout(timer);
  if (document.hidden || stands() === "closed") return;
  const usual = Date.now() - lastNews > QUIET ? LATER : SOON;
  timer = setTimeout(ask, failures ? Math.min(usual * 2 ** failures, LONGEST) : usual);
}

// Forms that somebody is filling in stay as they are; they say so themselves when it is too late for them.
function isAtIt() {
  if (ways.contains(document.activeElement) && document.activeElement.id !== "ui-actions") return true;
  if (ways.querySelector(".field-fault")) return true;
  return [...ways.querySelectorAll("input, textarea")].some((field) =>
    field.type === "radio" ? field.checked !== field.defaultChecked : field.value !== field.defaultValue);
}

function show(text) {
  const made = document.createElement("template");
  made.innerHTML = text; // Made by the portal's own template, which has escaped what people wrote.
  const thread = made.content.querySelector("#ui-thread");
  const actions = made.content.querySelector("#ui-actions");
  const known = live.querySelectorAll(".message").length;
  const before = live.querySelector(".state").textContent;
  const said = [...thread.querySelectorAll(".message")].slice(known)
    .map((message) => message.querySelector(".did").textContent.trim());
  const state = thread.querySelector(".state-sentence").textContent.trim();
  const isNew = thread.querySelector(".state").textContent !== before;
  if (isNew && !said.some((words) => state.startsWith(words))) said.push(state);
  const isFocused = document.activeElement?.closest("#ui-live") !== null;
  live.replaceChildren(thread);
  if (isFocused) live.querySelector("#ui-last")?.focus({ preventScroll: true });
  if (!isAtIt()) ways.replaceChildren(actions);
  if (said.length) news.textContent = said.join(". ");
}

// The desk sees that the page is open, and that something is being written.
function tell() {
  if (document.hidden || stands() === "closed") return;
  const writing = Date.now() - typedAt < 2 * HERE ? "yes" : "no";
  if (Date.now() - toldAt < HERE && writing === told) return;
  toldAt = Date.now();
  told = writing;
  fetch(live.dataset.here, { method: "POST", body: new URLSearchParams({ writing }) }).catch(() => {});
}

document.querySelector("#ui-text")?.addEventListener("input", () => { typedAt = Date.now(); tell(); });

async function ask() {
  if (isAsking) return;
  tell();
  isAsking = true;
  try {
    const answer = await fetch(live.dataset.thread, { headers: { "If-None-Match": version }, cache: "no-store" });
    if (answer.status === 404) return; // The link has ended; a reload says so.
    if (!answer.ok && answer.status !== 304) throw new Error(answer.status);
    if (answer.ok) {
      const text = await answer.text();
      version = answer.headers.get("ETag");
      lastNews = Date.now();
      show(text);
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

document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (!document.hidden && stands() !== "closed") ask();
});

// The request is on its way; its draft is no longer needed.
if (document.querySelector("[data-sent]")) {
  try { localStorage.removeItem("request-draft"); } catch { /* Nothing was kept. */ }
}

wait();
