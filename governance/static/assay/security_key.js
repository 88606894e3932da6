// Asks a security key (WebAuthn): a new one on the page that enrols it, a known one on the page where a review is signed.
// The server says what is asked; what the key answers goes back in the form's hidden field.
(function () {
  "use strict";
  const form = document.querySelector("form[data-key-options]");
  if (!form || !window.PublicKeyCredential) {
    return;
  }
  const words = form.querySelector("[data-key-words]");

  function bytes(text) {
    const raw = window.atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(raw, (letter) => letter.charCodeAt(0));
  }

  function text(buffer) {
    const raw = String.fromCharCode(...new Uint8Array(buffer));
    return window.btoa(raw).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }

  async function options() {
    const answer = await fetch(form.dataset.keyOptions, { method: "POST", body: new FormData(form) });
    const told = await answer.json();
    if (!answer.ok) {
      throw new Error(told.problem);
    }
    told.challenge = bytes(told.challenge);
    for (const known of [...(told.allowCredentials || []), ...(told.excludeCredentials || [])]) {
      known.id = bytes(known.id);
    }
    if (told.user) {
      told.user.id = bytes(told.user.id);
    }
    return told;
  }

  function answerOf(credential) {
    const response = { clientDataJSON: text(credential.response.clientDataJSON) };
    for (const name of ["attestationObject", "authenticatorData", "signature"]) {
      if (credential.response[name]) {
        response[name] = text(credential.response[name]);
      }
    }
    return JSON.stringify({ id: credential.id, rawId: text(credential.rawId), type: credential.type, response });
  }

  async function ask(act) {
    try {
      words.textContent = words.dataset.touch;
      const credential = await navigator.credentials[act]({ publicKey: await options() });
      form.elements.assertion.value = answerOf(credential);
      form.submit();
    } catch (error) {
      words.textContent = `${words.dataset.unsigned} ${error.message}`;
    }
  }

  for (const act of ["create", "get"]) {
    for (const button of form.querySelectorAll(`[data-key-${act}]`)) {
      button.hidden = false;
      button.addEventListener("click", () => ask(act));
    }
  }
})();
