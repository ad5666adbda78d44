// Sends the token of a link when somebody presses the button, and says what came of it.
const form = document.getElementById("form");
const token = new URLSearchParams(location.hash.slice(1)).get("token");
// Not left lying in the history.
history.replaceState(null, "", location.pathname);

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
    throw new Error(reason || "That did not work. Please try again in a moment.");
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
  say("error", "This link is not complete. Copy all of it from the e-mail, or ask for a new one.");
}
