// A verdict is saved while it is written, and its words are counted. The page works without this.
"use strict";

(() => {
  const form = document.querySelector("form[data-draft]");
  if (!form) return;
  const fields = form.elements;
  const saved = form.querySelector("[data-saved]");
  const conflict = document.querySelector("[data-conflict]");
  const lost = document.querySelector("[data-lost]");
  const lease = document.querySelector("[data-lease]");
  const time = () => new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const words = () => ({ decision: fields.decision.value, quote: fields.quote.value, basis: fields.basis.value, disclosure: fields.disclosure.value });

  const counter = form.querySelector("[data-count]");
  const count = () => {
    const found = fields.quote.value.trim().split(/\s+/).filter(Boolean).length;
    counter.textContent = `${found} word${found === 1 ? "" : "s"}, 20 to 150 read best`;
    counter.classList.toggle("off", found > 0 && (found < 20 || found > 150));
  };
  fields.quote.addEventListener("input", count);
  count();

  let timer = 0;
  let under = null; // the saving under way
  let last = JSON.stringify(words());
  let halted = false; // a choice between two texts is open

  const later = (wait) => { clearTimeout(timer); timer = setTimeout(save, wait); };
  const save = () => {
    clearTimeout(timer);
    if (halted || under) return under ?? Promise.resolve();
    const now = words();
    if (JSON.stringify(now) === last) return Promise.resolve();
    saved.textContent = "Saving";
    under = send(now).finally(() => { under = null; });
    return under.then(() => { if (!halted && JSON.stringify(words()) !== last) later(2000); });
  };
  const send = async (now) => {
    const body = new FormData();
    for (const [name, value] of Object.entries({ ...now, version: fields.version.value, fence: fields.fence.value })) body.append(name, value);
    let response;
    let said = {};
    try {
      response = await fetch(form.dataset.draft, { method: "POST", headers: { Accept: "application/json" }, body });
      said = await response.json();
    } catch {
      // No answer, or one that is no JSON: what is below says so.
    }
    if (response?.ok) {
      fields.version.value = said.version;
      last = JSON.stringify(now);
      saved.textContent = `Draft saved ${time()}`;
      hold(said);
    } else if (said.newer) {
      ask(said.newer);
    } else {
      const why = response?.status === 401 ? "You are not signed in any more. Sign in in another tab, then go on here." : said.error ?? "The desk cannot be reached.";
      saved.textContent = `Not saved: ${why}`;
      if (!response || response.status >= 500 || response.status === 401) later(10000);
    }
  };

  const hold = (said) => {
    if (said.lease_until && lease) lease.textContent = `yours until ${new Date(said.lease_until).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}`;
    if (said.lost && lost && lease) {
      lease.textContent = "not yours any more";
      lost.querySelector("[data-lost-words]").textContent = said.lost;
      lost.hidden = false;
    }
  };

  let newer = null;
  const ask = (found) => {
    newer = found;
    halted = true;
    saved.textContent = "Not saved: choose which text to keep.";
    conflict.querySelector("[data-newer]").textContent = found.quote || "(no words)";
    conflict.hidden = false;
    conflict.scrollIntoView({ block: "nearest" });
  };
  const settle = () => {
    fields.version.value = newer.version;
    halted = false;
    conflict.hidden = true;
    newer = null;
  };
  conflict.querySelector("[data-take]").addEventListener("click", () => {
    for (const name of ["decision", "quote", "basis", "disclosure"]) {
      if (fields[name].value !== newer[name]) {
        fields[name].value = newer[name];
        // A group of radios has no empty value.
        if (!newer[name] && fields[name].forEach) fields[name].forEach((each) => { each.checked = false; });
      }
    }
    settle();
    last = JSON.stringify(words());
    saved.textContent = "The saved text is in the form.";
    count();
  });
  conflict.querySelector("[data-keep]").addEventListener("click", () => {
    settle();
    last = "";
    save();
  });

  form.addEventListener("input", () => later(2000));
  form.addEventListener("change", () => later(2000));
  // The version in the form must be the one of the last saving before it goes off.
  let going = false;
  form.addEventListener("submit", (event) => {
    clearTimeout(timer);
    if (!under || going) return;
    event.preventDefault();
    delete form.dataset.sent;
    const button = event.submitter;
    under.finally(() => { going = true; form.requestSubmit(button); });
  });
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") save(); });
})();
