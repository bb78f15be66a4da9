// Shows what the handlers answer now, and what the request for the page went through.
async function ask(button) {
  const out = button.closest("figure").querySelector(".answer");
  try {
    const resp = await fetch(button.dataset.get);
    let text = await resp.text();
    for (const name of (button.dataset.fields || "").split(",").filter(Boolean)) {
      text = `${name}: ${resp.headers.get(name)}\n\n${text}`;
    }
    out.textContent = resp.ok ? text : `${resp.status} ${resp.statusText}`;
  } catch (err) {
    out.textContent = String(err);
  }
}

async function phases() {
  const resp = await fetch(`/phases?id=${document.body.dataset.id}`);
  const rows = (await resp.text()).trim().split("\n").map((line) => line.split(" "));
  const last = Math.max(...rows.map((row) => Number(row[1])), 1);
  for (const [name, at] of rows) {
    const tr = document.querySelector("#phases tbody").insertRow();
    tr.insertCell().textContent = name;
    tr.insertCell().textContent = `${at} µs`;
    const bar = document.createElement("div");
    bar.className = "bar";
    bar.style.width = `${(100 * Number(at)) / last}%`;
    tr.insertCell().append(bar);
  }
}

for (const button of document.querySelectorAll("button[data-get]")) {
  button.addEventListener("click", () => ask(button));
  ask(button);
}
phases();
