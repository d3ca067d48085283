// Passkeys: asks the browser for one, and takes its answer to the server. Loaded only by the
// pages that offer it. What may go wrong is said in words that stand in data- attributes.
(() => {
  "use strict";
  const d = document, P = window.PublicKeyCredential;
  if (!P || !navigator.credentials) return;

  const bytes = s => Uint8Array.from(atob(s.replace(/-/g, "+").replace(/_/g, "/")), c => c.charCodeAt(0));
  const text = b => b && btoa(String.fromCharCode(...new Uint8Array(b))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const listed = all => all?.map(c => ({ ...c, id: bytes(c.id) }));

  // browsers that cannot read or write the JSON form themselves are helped
  const read = (o, makes) => {
    if (makes && P.parseCreationOptionsFromJSON) return P.parseCreationOptionsFromJSON(o);
    if (!makes && P.parseRequestOptionsFromJSON) return P.parseRequestOptionsFromJSON(o);
    const out = { ...o, challenge: bytes(o.challenge) };
    if (makes) return { ...out, user: { ...o.user, id: bytes(o.user.id) }, excludeCredentials: listed(o.excludeCredentials) };
    return { ...out, allowCredentials: listed(o.allowCredentials) };
  };
  const written = c => {
    if (c.toJSON) return c.toJSON();
    const r = c.response, out = { clientDataJSON: text(r.clientDataJSON) };
    for (const k of ["attestationObject", "authenticatorData", "signature", "userHandle"]) if (r[k]) out[k] = text(r[k]);
    if (r.getTransports) out.transports = r.getTransports();
    return { id: c.id, rawId: text(c.rawId), type: c.type, response: out, clientExtensionResults: c.getClientExtensionResults() };
  };

  const post = async (to, body) => {
    const r = await fetch(to, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    const answer = await r.json().catch(() => ({}));
    if (r.ok) return answer;
    throw Object.assign(new Error(answer.code), { code: answer.code });
  };

  // which of the words fits: the browser's names of errors, and the server's codes
  const words = {
    NotAllowedError: "cancelled", AbortError: "cancelled", InvalidStateError: "known", "passkey.known": "known",
    "passkey.none": "none", "passkey.failed": "failed", "sign_in.failed": "failed", "sign_in.expired": "expired",
    "session.confirm_required": "confirm", "session.required": "expired",
  };

  const ceremony = async box => {
    const at = box.dataset.passkey, makes = "makes" in box.dataset;
    const begun = await post(at + "/begin", {});
    const options = read(begun.options.publicKey, makes);
    const made = await (makes ? navigator.credentials.create({ publicKey: options }) : navigator.credentials.get({ publicKey: options }));
    const sent = { token: begun.token, credential: written(made) };
    if (makes) sent.name = box.elements.name.value;
    return post(at + "/finish", sent);
  };

  // codes for when the passkey is lost come with the first second factor, and are shown this once
  const codes = (box, list) => {
    const shown = d.getElementById(box.dataset.codes);
    for (const c of list) {
      const code = d.createElement("code"), li = d.createElement("li");
      code.dir = "ltr";
      code.textContent = c;
      li.append(code);
      shown.querySelector("ul").append(li);
    }
    box.hidden = true;
    shown.hidden = false;
    shown.querySelector("h2").focus();
  };

  const go = async box => {
    const says = box.querySelector("[data-says]"), button = box.querySelector("[data-passkey-go]");
    says.textContent = "";
    button.disabled = true;
    try {
      const done = await ceremony(box);
      if (done.recovery_codes?.length) codes(box, done.recovery_codes);
      else location.assign(box.dataset.to);
    } catch (e) {
      says.textContent = box.dataset[words[e.code] || words[e.name] || "other"] || box.dataset.other;
    }
    button.disabled = false;
  };

  d.querySelectorAll("[data-passkey]").forEach(box => {
    box.hidden = false;
    if (box.matches("form")) box.addEventListener("submit", e => { e.preventDefault(); go(box); });
    else box.querySelector("[data-passkey-go]").addEventListener("click", () => go(box));
  });
  d.querySelectorAll("[data-no-passkey]").forEach(n => { n.hidden = true; });
})();
