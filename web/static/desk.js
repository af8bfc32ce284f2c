// The desk's own script: keys, confirmations, passkeys and zones. Every page works without it.
"use strict";

(() => {
  const typing = (target) => target.closest?.("input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable]");

  // Keys: what has data-key is pressed (buttons, links, radios) or focused (fields). Off while typing.
  const bound = () => [...document.querySelectorAll("[data-key]")].filter((each) => !each.disabled && each.offsetParent !== null);

  const act = (element) => {
    if (element.matches("input:not([type=radio]):not([type=checkbox]), textarea, select")) element.focus();
    else element.click();
  };

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      const form = event.target.closest?.("form") ?? document.querySelector("form[data-enter]");
      const button = form?.querySelector("[data-enter], button:not([type=button])");
      if (button) { event.preventDefault(); button.click(); }
      return;
    }
    if (event.ctrlKey || event.metaKey) return;
    if (typing(event.target)) { if (event.key === "Escape") event.target.blur(); return; }
    if (event.key === "j" || event.key === "k") { if (step(event.key === "j" ? 1 : -1)) event.preventDefault(); return; }
    const found = bound().find((each) => each.dataset.key.split(" ").includes(event.key));
    if (found) { event.preventDefault(); act(found); }
  });

  // j and k walk what has data-row: the link in it takes the focus, so that Enter opens it.
  const step = (by) => {
    const rows = [...document.querySelectorAll("[data-row]")].filter((each) => each.offsetParent !== null);
    if (!rows.length) return false;
    const at = rows.findIndex((each) => each.contains(document.activeElement));
    const next = rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by))];
    (next.matches("a, button") ? next : next.querySelector("a") ?? next.querySelector("button, input") ?? next).focus();
    next.scrollIntoView({ block: "nearest" });
    return true;
  };

  const help = document.querySelector("[data-help]");
  const dialog = document.getElementById("keys");
  const words = (element) => {
    const copy = element.cloneNode(true);
    copy.querySelectorAll("kbd").forEach((each) => each.remove());
    const label = element.labels?.[0]?.textContent ?? element.getAttribute("aria-label") ?? copy.textContent;
    return label.trim().replace(/\s+/g, " ");
  };
  if (help && dialog) {
    help.removeAttribute("data-waits");
    help.addEventListener("click", () => {
      const list = dialog.querySelector("dl");
      list.replaceChildren();
      const add = (key, text) => {
        const term = document.createElement("dt");
        const kbd = document.createElement("kbd");
        kbd.textContent = key;
        term.append(kbd);
        const meaning = document.createElement("dd");
        meaning.textContent = text;
        list.append(term, meaning);
      };
      bound().filter((each) => each !== help).forEach((each) => add(each.dataset.key.replace(" ", " or "), words(each)));
      if (document.querySelector("[data-row]")) { add("j", "Next in the list"); add("k", "The one before"); }
      if (document.querySelector("[data-enter]")) add("Ctrl Enter", words(document.querySelector("button[data-enter]")));
      add("?", "This list");
      dialog.showModal();
    });
  }

  // A form with data-confirm asks first. Pressed twice, a form is sent once.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.confirm && !window.confirm(form.dataset.confirm)) { event.preventDefault(); return; }
    if (form.dataset.sent) { event.preventDefault(); return; }
    if (!event.defaultPrevented && form.method === "post") {
      form.dataset.sent = "yes";
      setTimeout(() => delete form.dataset.sent, 4000);
    }
  });
  window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((each) => delete each.dataset.sent));

  // The browser's own zone.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
  document.querySelectorAll("[data-zone]").forEach((each) => { each.value = zone; });
  const zones = document.getElementById("zones");
  if (zones && Intl.supportedValuesOf) {
    zones.append(...Intl.supportedValuesOf("timeZone").map((name) => new Option(name, name)));
  }

  // Passkeys: the JSON of the standard to buffers, and back.
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (each) => each.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const post = (address, fields = {}) =>
    fetch(address, { method: "POST", headers: { Accept: "application/json" }, body: new URLSearchParams(fields) });
  const answer = async (response) => {
    const said = await response.json().catch(() => ({ error: "The desk gave no answer.", mend: "Try again." }));
    if (!response.ok) throw new Error(`${said.error} ${said.mend ?? ""}`);
    return said;
  };
  const spoken = (credential) => JSON.stringify({
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    clientExtensionResults: {},
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
    response: Object.fromEntries(
      ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]
        .filter((name) => credential.response[name])
        .map((name) => [name, text(credential.response[name])]),
    ),
  });
  const make = async (form) => {
    const options = await answer(await post("/desk/me/passkeys/ask"));
    options.challenge = bytes(options.challenge);
    options.user.id = bytes(options.user.id);
    options.excludeCredentials = (options.excludeCredentials ?? []).map((each) => ({ ...each, id: bytes(each.id) }));
    const credential = await navigator.credentials.create({ publicKey: options });
    const field = Object.assign(document.createElement("input"), { type: "hidden", name: "credential", value: spoken(credential) });
    form.append(field);
    HTMLFormElement.prototype.submit.call(form);
  };
  const use = async (form) => {
    const options = await answer(await post("/desk/sign-in/passkey/ask"));
    options.challenge = bytes(options.challenge);
    options.allowCredentials = (options.allowCredentials ?? []).map((each) => ({ ...each, id: bytes(each.id) }));
    const credential = await navigator.credentials.get({ publicKey: options });
    const done = await answer(await post(form.action, { credential: spoken(credential), zone, to: form.elements.to.value }));
    location.assign(done.to);
  };
  document.querySelectorAll("form[data-passkey]").forEach((form) => {
    if (!window.PublicKeyCredential) return;
    form.hidden = false;
    form.removeAttribute("data-waits");
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const problem = form.querySelector(".problem");
      problem.hidden = true;
      try {
        await (form.dataset.passkey === "new" ? make : use)(form);
      } catch (error) {
        problem.textContent = error.name === "NotAllowedError" ? "No passkey was used. Try again, or take a link by e-mail." : error.message;
        problem.hidden = false;
      }
    });
  });
})();
