// Tells how long each section was on the screen, when the page is hidden or left. Nothing else.
(() => {
  const main = document.querySelector("main[data-page]");
  const sections = document.querySelectorAll("section[data-use-case]");
  if (!main || !sections.length || !window.IntersectionObserver) return;
  const visible = new Set(), since = new Map(), spent = new Map();
  let told = 0;
  const begin = (name) => { if (!document.hidden) since.set(name, performance.now()); };
  const stop = (name) => {
    if (!since.has(name)) return;
    spent.set(name, (spent.get(name) || 0) + (performance.now() - since.get(name)) / 1000);
    since.delete(name);
  };
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const name = target.dataset.useCase;
      if (isIntersecting) { visible.add(name); begin(name); } else { visible.delete(name); stop(name); }
    }
  });
  sections.forEach((section) => observer.observe(section));
  const tell = () => {
    visible.forEach(stop);
    if (!spent.size) return;
    const form = new FormData();
    form.set(main.dataset.key, main.dataset.view);
    form.set("id", `${main.dataset.page}.${told++}`);
    spent.forEach((seconds, name) => form.set(`sec.${name}`, seconds.toFixed(1)));
    spent.clear();
    navigator.sendBeacon("/panel/left", form);
  };
  document.addEventListener("visibilitychange", () => document.hidden ? tell() : visible.forEach(begin));
  addEventListener("pagehide", tell);
})();
