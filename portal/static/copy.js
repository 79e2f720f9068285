/* Buttons that copy what a field holds; without script people select it themselves, so the buttons stay hidden. */

for (const button of document.querySelectorAll("button[data-copy]")) {
  const field = document.getElementById(button.dataset.copy);
  field.addEventListener("focus", () => field.select());
  if (!navigator.clipboard) continue; // A page without HTTPS may not write there.
  const status = document.querySelector("main [role=status]:empty");
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(field.value);
      button.textContent = button.dataset.copied;
      if (status) status.textContent = button.dataset.copied;
    } catch {
      field.focus();
    }
  });
}
