/* The live board: what has changed is replaced by itself. A hidden tab rests, the focus stays where it is, and a plain
   reload shows the same. Only tickets whose time has run out are announced. */

const EVERY = 10000; // milliseconds
const LONGEST = 60000; // between attempts while they fail

const board = document.querySelector("#ui-board");
const fault = document.querySelector("[data-board-fault]");
const news = document.querySelector("[data-board-news]");
const partsOf = (root) => [...root.querySelectorAll("[data-part]")];
const breachesOf = (root) => [...root.querySelectorAll("[data-breach]")];
const announced = new Set(breachesOf(board).map((each) => each.dataset.breach));
let failures = 0;
let timer = 0;
let isAsking = false;

// What has the focus, by something that is the same in the next answer.
const keyOf = (element) => element.getAttribute("href") || element.id;

function replace(old, fresh) {
  if (old.innerHTML === fresh.innerHTML) return;
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const key = focused && focused !== old ? keyOf(focused) : "";
  old.replaceChildren(...fresh.childNodes);
  if (!key) return;
  const again = [...old.querySelectorAll("a, [id]")].find((each) => keyOf(each) === key) || old;
  if (again === old && old.tabIndex < 0) old.setAttribute("tabindex", "-1");
  again.focus({ preventScroll: true });
}

function announce(made) {
  const fresh = breachesOf(made).filter((each) => !announced.has(each.dataset.breach));
  for (const each of fresh) announced.add(each.dataset.breach);
  if (fresh.length) news.textContent = fresh.map((each) => each.textContent).join(". ");
}

function show(text) {
  const made = document.createElement("template");
  made.innerHTML = text; // Made by the portal's own template, which has escaped what people wrote.
  announce(made.content);
  const fresh = new Map(partsOf(made.content).map((part) => [part.dataset.part, part]));
  for (const old of partsOf(board)) {
    const part = fresh.get(old.dataset.part);
    if (!part) continue;
    replace(old, part);
    if (part.dataset.asOf) old.dataset.asOf = part.dataset.asOf;
  }
}

function say(words) {
  const asOf = board.querySelector("[data-as-of]").dataset.asOf;
  const text = words.replace("{time}", asOf);
  if (fault.firstChild?.textContent !== text) fault.textContent = text;
  board.classList.add("is-stale");
}

function signedOut() {
  say(fault.dataset.gone);
  const link = document.createElement("a");
  link.href = location.href;
  link.textContent = fault.dataset.signIn;
  fault.append(" ", link);
}

function wait() {
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(ask, Math.min(EVERY * 2 ** Math.min(failures, 4), LONGEST));
}

async function ask() {
  if (isAsking) return;
  isAsking = true;
  try {
    const answer = await fetch(board.dataset.live, { cache: "no-store" });
    if (answer.redirected || answer.status === 401 || answer.status === 403) { signedOut(); return; }
    if (!answer.ok) throw new Error(answer.status);
    show(await answer.text());
    failures = 0;
    fault.textContent = "";
    board.classList.remove("is-stale");
    wait();
  } catch {
    failures += 1;
    say(fault.dataset.stale);
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
