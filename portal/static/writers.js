/* A text's page while it is open: what is saved appears by itself, where one is in it, with what one has opened. */

const SOON = 400; // milliseconds: what is saved is to be here within a second
const LONGEST = 15000; // between attempts while they fail

const status = document.querySelector("#ui-live-status");
const ending = document.title.slice(document.querySelector("#ui-live").dataset.title.length);
let failures = 0;
let missing = 0;
let timer = 0;
let isAsking = false;

const live = () => document.querySelector("#ui-live");

function wait() {
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(ask, Math.min(SOON * 2 ** failures, LONGEST));
}

function say(words) {
  if (status.textContent !== words) status.textContent = words;
}

// What is open stays open: parts are known by their place among their kind.
function show(text) {
  const made = document.createElement("template");
  made.innerHTML = text; // Made by the portal's own template, which has escaped what people wrote.
  const fresh = made.content.querySelector("#ui-live");
  const old = live();
  const open = [...old.querySelectorAll("details")].map((part) => part.open);
  fresh.querySelectorAll("details").forEach((part, place) => { if (place < open.length) part.open = open[place]; });
  const focused = old.contains(document.activeElement) ? [...old.querySelectorAll("a, summary, [tabindex]")].indexOf(document.activeElement) : -1;
  const place = window.scrollY;
  old.replaceWith(document.adoptNode(fresh));
  if (focused >= 0) fresh.querySelectorAll("a, summary, [tabindex]")[focused]?.focus({ preventScroll: true });
  window.scrollTo({ top: place, behavior: "instant" });
  document.title = fresh.dataset.title + ending;
  const time = new Date().toLocaleTimeString(document.documentElement.lang);
  say(status.dataset.updated.replace("{time}", time));
}

async function ask() {
  if (isAsking) return;
  isAsking = true;
  try {
    const answer = await fetch(status.dataset.address, {
      cache: "no-store", redirect: "manual", headers: { "If-None-Match": `"${live().dataset.state}"` },
    });
    if (answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 403) {
      say(status.dataset.ended); // Signed out: a reload leads to the form.
      return;
    }
    missing = answer.status === 404 ? missing + 1 : 0;
    // While an editor replaces a file, it may not be there for a moment.
    if (missing > 2) say(status.dataset.gone);
    else if (answer.status === 200) show(await answer.text());
    else if (answer.status !== 304 && answer.status !== 404) throw new Error(answer.status);
    else if (failures) say("");
    failures = 0;
    wait();
  } catch {
    failures += 1;
    if (failures > 2) say(status.dataset.lost);
    wait();
  } finally {
    isAsking = false;
  }
}

document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (!document.hidden) ask();
});
wait();
