// Sends the token of a link when the user presses the button, and shows the result.
const form = document.getElementById("form");

// Finds the token in a URL. Relays that rewrite links encode the "#", sometimes twice, replace it by a "?", and add
// text of their own.
function findToken(address) {
  for (let text = address, last = ""; text !== last; ) {
    const found = /[#?&;/]token=([\w-]+)/i.exec(text);
    if (found) return found[1];
    last = text;
    text = text.replace(/%([0-9a-f]{2})/gi, (_, digits) => String.fromCharCode(parseInt(digits, 16)));
  }
  return null;
}

const token = findToken(location.hash) || findToken(location.href);
// Removes the token from the history.
history.replaceState(null, "", form.dataset.page);

function say(id, text) {
  const place = document.getElementById(id);
  if (text) place.textContent = text;
  place.hidden = false;
}

async function send() {
  const body = { token };
  const password = document.getElementById("password");
  if (password) {
    if (password.value !== document.getElementById("again").value) throw new Error("The two passwords differ.");
    body.new_password = password.value;
  }
  const answer = await fetch(form.dataset.action, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    credentials: "omit",
    body: JSON.stringify(body),
  });
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    const [error] = problem.errors || [];
    const reason = error ? `The ${error.loc.at(-1).replace("_", " ")} ${error.msg}.` : problem.detail;
    throw new Error(reason || "The request failed. Please try again in a moment.");
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  document.getElementById("error").hidden = true;
  button.disabled = true;
  try {
    await send();
    form.hidden = true;
    say("done");
  } catch (error) {
    say("error", error.message);
    button.disabled = false;
  }
});

if (!token) {
  form.hidden = true;
  say("error", "This link is not complete. Copy the whole link from the e-mail, or request a new one.");
}
