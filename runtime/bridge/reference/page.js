// Opens Swagger UI on this service's contract. In development the form signs in: calls carry fresh tokens from then on.
const root = document.body.dataset.root;
const form = document.getElementById("sign-in");
let person = null;

async function token() {
  const response = await fetch(`${root}_annex/token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(person),
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok || !answer.token) throw new Error(answer.detail ?? "There is no sign-in here: start the service with annex dev.");
  return answer.token;
}

async function authorize(request) {
  // A token is good for a minute, so each call that carries one gets a fresh one.
  if (person && request.headers?.Authorization) request.headers.Authorization = `Bearer ${await token()}`;
  return request;
}

const viewer = SwaggerUIBundle({
  url: `${root}openapi.json`,
  dom_id: "#viewer",
  deepLinking: true,
  displayRequestDuration: true,
  showExtensions: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  requestInterceptor: authorize,
});

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const given = new FormData(form);
  person = {
    user: given.get("user").trim(),
    org: given.get("org").trim(),
    permissions: given.get("permissions").split(/[\s,]+/).filter(Boolean),
  };
  const said = form.querySelector("output");
  try {
    viewer.preauthorizeApiKey("session", await token());
    said.textContent = `Signed in as ${person.user}.`;
  } catch (error) {
    person = null;
    said.textContent = error.message;
  }
});
