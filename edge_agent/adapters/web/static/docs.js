// Shows /openapi.json and lets the reader try each endpoint. Everything is on the agent: no internet is needed.

const KEY = "edge-agent-key";
const byId = (id) => document.getElementById(id);

function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

function table(headings, rows) {
  const cells = (tag, texts) => make("tr", "", ...texts.map((text) => make(tag, "", text)));
  return make("table", "", make("thead", "", cells("th", headings)), make("tbody", "", ...rows.map((row) => cells("td", row))));
}

// A schema in a few words, such as "array of FailureAnswer" or "number, 0 to 1, or null".
function describe(schema) {
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    const link = make("a", "", name);
    link.href = `#${name}`;
    return link;
  }
  if (schema.anyOf) {
    return make("span", "", ...schema.anyOf.flatMap((option, index) => (index ? [" or ", describe(option)] : [describe(option)])));
  }
  if (schema.enum) return schema.enum.join(", ");
  if (schema.type === "array") return make("span", "", "list of ", describe(schema.items ?? {}));
  if (schema.const !== undefined) return String(schema.const);
  const bounds = [
    schema.minimum === undefined ? "" : `from ${schema.minimum}`,
    schema.maximum === undefined ? "" : `to ${schema.maximum}`,
    schema.maxLength === undefined ? "" : `at most ${schema.maxLength} characters`,
  ];
  return [schema.format ?? schema.type ?? "anything", ...bounds].filter(Boolean).join(" ");
}

function schemaCard([name, schema]) {
  const card = make("details", "card", make("summary", "", make("code", "", name)));
  card.id = name;
  card.append(make("p", "", schema.description ?? ""));
  if (schema.enum) card.append(make("p", "", schema.enum.join(", ")));
  const fields = Object.entries(schema.properties ?? {}).map(([field, type]) => [
    make("code", "", field),
    describe(type),
    `${schema.required?.includes(field) ? "Required. " : ""}${type.description ?? ""}`,
  ]);
  if (fields.length) card.append(table(["Field", "Type", ""], fields));
  return card;
}

function field(label, value, tag) {
  const input = make(tag, "");
  input.value = value;
  const line = make("label", "", label, input);
  return { line, input };
}

function tryForm(method, path, operation) {
  const form = make("form", "");
  const inputs = operation.parameters.map((parameter) => {
    const choices = parameter.schema.anyOf?.find((option) => option.enum)?.enum;
    const hint = choices ? ` (${choices.join(", ")})` : "";
    const { line, input } = field(`${parameter.name}${hint}`, "", "input");
    input.required = parameter.required ?? false;
    form.append(line);
    return { parameter, input };
  });
  const example = operation.requestBody?.content["application/json"].example;
  const body = example && field("Body", JSON.stringify(example, null, 2), "textarea");
  if (body) {
    body.input.rows = 12;
    form.append(body.line);
  }
  const output = make("pre", "");
  output.hidden = true;
  output.tabIndex = 0;
  form.append(make("button", "", "Send"), output);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    output.hidden = false;
    output.textContent = "…";
    output.textContent = await send(method, path, inputs, body?.input.value).catch((error) => error.message);
  });
  return form;
}

async function send(method, path, inputs, body) {
  const headers = { Accept: "application/json" };
  if (byId("key").value) headers["X-API-Key"] = byId("key").value;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const query = new URLSearchParams();
  for (const { parameter, input } of inputs) {
    if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    else if (!input.value) continue;
    else if (parameter.in === "query") query.set(parameter.name, input.value);
    else headers[parameter.name] = input.value;
  }
  const response = await fetch(query.size ? `${path}?${query}` : path, { method: method.toUpperCase(), headers, body });
  const text = await response.text();
  const isJson = response.headers.get("Content-Type")?.includes("json");
  return `${response.status} ${response.statusText}\n\n${isJson ? JSON.stringify(JSON.parse(text), null, 2) : text}`;
}

function endpointCard(path, method, operation) {
  const title = make("summary", "", make("code", "", `${method.toUpperCase()} ${path}`), operation.summary);
  const card = make("details", "card", title);
  if (operation.deprecated) card.append(make("p", "quiet", "Deprecated."));
  if (operation.description) card.append(make("p", "", operation.description));
  const asked = operation.requestBody?.content["application/json"].schema;
  if (asked) card.append(make("p", "", "Body: ", describe(asked)));
  const rows = Object.entries(operation.responses).map(([status, { description, content }]) => {
    const [mediaType, { schema }] = Object.entries(content)[0];
    return [status, description, schema ? describe(schema) : mediaType];
  });
  card.append(table(["Status", "When", "Answer"], rows), tryForm(method, path, operation));
  return card;
}

async function main() {
  byId("key").value = sessionStorage.getItem(KEY) ?? "";
  byId("key").addEventListener("change", () => sessionStorage.setItem(KEY, byId("key").value));
  const api = await (await fetch("/openapi.json")).json();
  byId("title").textContent = `${api.info.title} ${api.info.version}`;
  for (const [path, operations] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      byId("endpoints").append(endpointCard(path, method, operation));
    }
  }
  byId("schemas").append(...Object.entries(api.components.schemas).map(schemaCard));
  addEventListener("hashchange", () => byId(location.hash.slice(1))?.setAttribute("open", ""));
}

main();
