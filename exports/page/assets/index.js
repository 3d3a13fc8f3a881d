"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // captions: long ones are folded, as the networks do
  all(".clamp").forEach((box) => {
    box.classList.add("cut");
    if (box.scrollHeight <= box.clientHeight + 24) { box.classList.remove("cut"); return; }
    const button = document.createElement("button");
    button.type = "button";
    button.className = "toggle";
    button.textContent = "… " + box.dataset.more;
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", () => {
      const folded = box.classList.toggle("cut");
      button.textContent = folded ? "… " + box.dataset.more : box.dataset.less;
      button.setAttribute("aria-expanded", String(!folded));
    });
    box.after(button);
  });

  // the exact text of a post, as it is sent
  const copy = async (text) => {
    try { await navigator.clipboard.writeText(text); return; } catch { /* an older browser, or one without the right */ }
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  };
  all("[data-copy]").forEach((button) => {
    const title = button.title;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await copy(button.closest("figure").querySelector("[data-caption]").textContent);
      const mark = button.querySelector("use");
      button.classList.add("done");
      button.title = button.dataset.done;
      mark.setAttribute("href", "#i-check");
      setTimeout(() => { button.classList.remove("done"); button.title = title; mark.setAttribute("href", "#i-copy"); }, 1600);
    });
  });

  // one network at a time
  all("[data-filter]").forEach((group) => {
    group.hidden = false;
    const buttons = all("button", group);
    buttons.forEach((button) => button.addEventListener("click", () => {
      const wanted = button.dataset.network;
      buttons.forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
      all("figure.social").forEach((card) => { card.hidden = wanted !== "" && card.dataset.network !== wanted; });
    }));
  });

  all("[data-open-all]").forEach((button) => {
    const open = button.textContent;
    button.hidden = false;
    button.addEventListener("click", () => {
      const articles = all("[data-article]");
      const show = articles.some((article) => !article.open);
      articles.forEach((article) => { article.open = show; });
      button.textContent = show ? button.dataset.close : open;
    });
  });

  // where in the page we are
  const links = new Map(all(".bar nav a").map((link) => [link.hash.slice(1), link]));
  const watch = new IntersectionObserver((entries) => entries.forEach((entry) => {
    links.get(entry.target.id)?.classList.toggle("here", entry.isIntersecting);
  }), { rootMargin: "-45% 0px -50% 0px" });
  links.forEach((_link, id) => { const section = document.getElementById(id); if (section) watch.observe(section); });
})();
