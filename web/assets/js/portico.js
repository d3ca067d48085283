// Portico: the little behaviour that HTML has no attribute for. No dependency, no eval, no inline
// style. Every page works without it. Words that it needs stand in data- attributes, since they
// are in the reader's language.
(() => {
  "use strict";
  const d = document, $ = (s, r = d) => r.querySelector(s), $$ = (s, r = d) => [...r.querySelectorAll(s)];

  // theme: light or dark, kept in a cookie so that the server renders the choice next time
  const theme = () => {
    const r = d.documentElement, system = matchMedia("(prefers-color-scheme: dark)").matches;
    const dark = r.dataset.theme ? r.dataset.theme === "dark" : system;
    r.dataset.theme = dark ? "light" : "dark";
    d.cookie = "theme=" + r.dataset.theme + ";path=/;max-age=31536000;samesite=lax" + (location.protocol === "https:" ? ";secure" : "");
  };

  const reveal = b => {
    const i = d.getElementById(b.dataset.reveal), on = i.type === "password";
    i.type = on ? "text" : "password";
    b.setAttribute("aria-pressed", on);
  };

  d.addEventListener("click", e => {
    const at = s => e.target.closest(s);
    const open = at("[data-open]"), reveals = at("[data-reveal]");
    $$("details.menu[open]").forEach(m => { if (!m.contains(e.target)) m.open = false; });
    if (at("[data-theme-next]")) theme();
    if (at("[data-print]")) print();
    if (reveals) reveal(reveals);
    // a dialog's opener is a link to the same form's own page: followed without script
    if (open) { const box = d.getElementById(open.dataset.open); if (box) { e.preventDefault(); box.showModal(); } }
    if (at("[data-close]")) { const box = at("dialog"); if (box) { e.preventDefault(); box.close(); } }
    if (at("[data-dismiss]")) at(".note, .toast")?.remove();
  });

  d.addEventListener("keydown", e => {
    if (e.key !== "Escape") return;
    $$("details.menu[open]").forEach(m => { m.open = false; $("summary", m).focus(); });
  });

  // palette: the pages of the rail, and what a search finds, by keyboard
  const palette = $("#palette");
  if (palette) {
    const q = $("input", palette), box = $("[role=listbox]", palette), says = $("[role=status]", palette);
    const options = () => $$("[role=option]", box), chosen = () => options().findIndex(o => o.ariaSelected === "true");
    const choose = i => {
      const all = options(), n = all.length;
      all.forEach((o, at) => { o.ariaSelected = String(at === (i + n) % n); });
      const o = all[chosen()];
      o?.scrollIntoView({ block: "nearest" });
      o ? q.setAttribute("aria-activedescendant", o.id) : q.removeAttribute("aria-activedescendant");
    };
    const option = (a, i) => {
      const o = d.createElement("li"), name = d.createElement("bdi"), detail = d.createElement("small"), icon = $(".ico", a);
      o.id = "palette-" + i;
      o.role = "option";
      o.dataset.href = a.getAttribute("href");
      name.textContent = ($(".t", a) ?? $("span", a)).textContent.trim();
      detail.textContent = $(".d", a)?.textContent.trim() ?? "";
      if (icon) o.append(icon.cloneNode(true));
      o.append(name, detail);
      return o;
    };
    const show = (links, done) => {
      box.replaceChildren(...links.map(option));
      choose(0);
      says.textContent = done && !links.length ? says.dataset.none : "";
    };
    let asked = 0, soon;
    const look = async () => {
      const text = q.value.trim(), words = text.toLowerCase().split(/\s+/), mine = ++asked;
      const places = $$(".rail .nav a").filter(a => words.every(w => a.textContent.toLowerCase().includes(w)));
      show(places, false);
      clearTimeout(soon);
      if (text.length < 2) return;
      soon = setTimeout(async () => {
        const r = await fetch(q.form.action + "?q=" + encodeURIComponent(text)).catch(() => null);
        const html = r?.ok && !r.redirected ? await r.text() : "";
        if (mine === asked) show([...places, ...$$("main .list a", new DOMParser().parseFromString(html, "text/html"))], true);
      }, 200);
    };
    q.addEventListener("input", look);
    q.addEventListener("keydown", e => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
      if (step) { e.preventDefault(); choose(chosen() + step); }
      if (e.key === "Escape") { e.preventDefault(); palette.close(); } // the field would only be emptied
    });
    // Enter goes to what is chosen; where nothing is, the form searches everything
    q.form.addEventListener("submit", e => {
      const o = options()[chosen()];
      if (o) { e.preventDefault(); location.assign(o.dataset.href); }
    });
    box.addEventListener("click", e => { const o = e.target.closest("[role=option]"); if (o) location.assign(o.dataset.href); });
    d.addEventListener("keydown", e => {
      const writing = e.target.closest("input, textarea, select, [contenteditable]");
      if (!((e.key === "k" && (e.ctrlKey || e.metaKey)) || (e.key === "/" && !writing)) || $("dialog[open]")) return;
      e.preventDefault();
      q.value = "";
      palette.showModal();
      look();
    });
  }

  // type-to-confirm: the server checks the word, too
  const confirms = i => { const go = $("[data-confirm-go]", i.form); if (go) go.disabled = i.value.trim() !== i.dataset.confirm; };
  d.addEventListener("input", e => {
    const i = e.target.closest("[data-confirm]"), r = e.target.closest("[data-asof]");
    if (i) confirms(i);
    // as-of slider: the value text is what screen readers say
    if (r) r.setAttribute("aria-valuetext", $("option[value='" + r.value + "']", d.getElementById(r.getAttribute("list")))?.label || r.value);
  });

  // choices that are sent as soon as they are made; their button is for those without script
  d.addEventListener("change", e => { if (e.target.matches("[data-submit]")) e.target.form.requestSubmit(); });

  // a file's SHA-256 is found here: the file itself is sent nowhere
  d.addEventListener("change", async e => {
    const i = e.target.closest("[data-hash]"), file = i?.files[0];
    if (!file || !crypto.subtle) return;
    const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
    d.getElementById(i.dataset.hash).value = [...sum].map(b => b.toString(16).padStart(2, "0")).join("");
    i.form.requestSubmit();
  });

  // rows that are ticked: what can be done with them is there as long as some are
  const picks = () => {
    const bulk = $("[data-bulk]");
    if (!bulk) return;
    const rows = $$("[data-pick]", bulk.closest("form") ?? d), on = rows.filter(i => i.checked).length, all = $("[data-pick-all]"), says = $("[data-bulk-text]", bulk);
    bulk.hidden = on === 0;
    says.textContent = says.dataset.bulkText.replace("#", on.toLocaleString(d.documentElement.lang));
    if (all) { all.checked = on > 0 && on === rows.length; all.indeterminate = on > 0 && on < rows.length; }
  };
  d.addEventListener("change", e => {
    if (e.target.matches("[data-pick-all]")) $$("[data-pick]", e.target.form ?? d).forEach(i => { i.checked = e.target.checked; });
    picks();
  });

  // offline: what is shown may be old, and a form is kept until it can be sent
  const offline = () => { const n = $("[data-offline]"); if (n) n.hidden = navigator.onLine; };
  addEventListener("online", offline);
  addEventListener("offline", offline);
  d.addEventListener("submit", e => {
    if (navigator.onLine) return;
    e.preventDefault();
    offline();
    $("[data-offline]")?.scrollIntoView();
  });

  // what is shown only where there is a script, and where there is none; again after the page was fetched anew
  const ready = r => {
    $$("[data-script]", r).forEach(n => { n.hidden = false; });
    $$("[data-no-script]", r).forEach(n => { n.hidden = true; });
    $$("[data-confirm]", r).forEach(confirms);
    picks();
    offline();
  };
  ready(d);
  $("[data-focus]")?.focus();

  // what a form has done is said once: a page that is loaded again does not repeat it
  const here = new URL(location);
  if (here.searchParams.has("done") || here.searchParams.has("after")) {
    here.searchParams.delete("done");
    here.searchParams.delete("after");
    history.replaceState(null, "", here);
  }

  // live: when what the reader may see has changed, the page is fetched again, unless somebody is
  // filling a form in or has a dialog open: then a line says so, and a link shows it
  const typing = () => $("dialog[open]") || $$("main form").some(f => [...f.elements].some(i => i.type !== "hidden" && "defaultValue" in i && (i.type === "checkbox" || i.type === "radio" ? i.checked !== i.defaultChecked : i.value !== i.defaultValue)));
  const again = async () => {
    if (typing()) { const n = $("[data-changed]"); if (n) n.hidden = false; return; }
    const r = await fetch(location.href, { headers: { "Portico-Background": "1" } }).catch(() => null);
    if (!r || !r.ok || r.redirected) return;
    const fresh = new DOMParser().parseFromString(await r.text(), "text/html"), main = $("main", fresh), old = $("main");
    if (!main || typing()) return;
    ready(main);
    if (main.isEqualNode(old)) return;
    const focus = d.activeElement?.id;
    old.replaceWith(main);
    if (focus) d.getElementById(focus)?.focus();
  };
  if (d.documentElement.hasAttribute("data-live")) {
    const live = new EventSource("/live");
    let soon;
    live.addEventListener("changed", () => { clearTimeout(soon); soon = setTimeout(again, 300); });
    live.addEventListener("ended", () => location.reload());
    addEventListener("pagehide", () => live.close());
  }
})();
