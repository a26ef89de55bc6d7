// The technician's page. All text of chargers goes in as text nodes, never as markup.

const POLL_MS = 2000;
const TIMEOUT_MS = 8000;
const KEY = "edge-agent-key";
const BY = "edge-agent-by";

const byId = (id) => document.getElementById(id);
const shown = new Map(); // section id -> the JSON it shows, to leave a section alone while nothing changed
let knownAlerts = null;
let timer = 0;
let acknowledging = null;

function refusal(status, problem) {
  const detail = problem?.detail ?? `The agent answered ${status}.`;
  const sentences = Array.isArray(detail) ? detail.map((fault) => fault.msg).join(" ") : detail;
  return Object.assign(new Error(sentences), { status });
}

async function ask(path, body) {
  const headers = { "X-API-Key": sessionStorage.getItem(KEY) ?? "" };
  if (body) headers["Content-Type"] = "application/json";
  const response = await fetch(path, {
    method: body ? "POST" : "GET",
    headers,
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const answer = await response.json().catch(() => null);
  // An unhealthy agent reports so with 503; the report is what we came for.
  if (!response.ok && !answer?.checks) throw refusal(response.status, answer);
  return answer;
}

async function poll() {
  clearTimeout(timer);
  try {
    const [health, alerts, chargers, maintenance] = await Promise.all(
      ["health", "alerts", "chargers", "maintenance"].map((name) => ask(`/api/v1/${name}`)),
    );
    showBanner(health);
    const labels = new Map(chargers.items.map((charger) => [charger.charger_id, charger.label]));
    announce(alerts.items, labels);
    show("alerts", alerts.items, (alert) => alertRow(alert, labels), "No open alerts.");
    show("chargers", chargers.items, chargerTile, "No charger has reported yet.");
    show("maintenance", maintenance.items, (item) => maintenanceRow(item, labels), "Nothing is due.");
    byId("site").hidden = false;
    byId("updated").textContent = `Updated ${new Date().toLocaleTimeString()}`;
  } catch (error) {
    if (error.status === 401) return signIn("This key is not valid.");
    showProblem(error.status ? error.message : "The agent cannot be reached. What you see may be old.");
  }
  timer = setTimeout(poll, POLL_MS);
}

function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children.filter((child) => child !== null));
  return element;
}

function card(level, title, badge, ...children) {
  const heading = make("div", "title", make("h3", "", title), make("span", "badge", badge));
  return make("li", `card ${level}`, heading, ...children);
}

function facts(pairs) {
  const list = make("dl", "facts");
  for (const [name, value] of pairs) {
    if (value !== null) list.append(make("div", "", make("dt", "", name), make("dd", "", value)));
  }
  return list;
}

function show(id, items, draw, whenEmpty) {
  const json = JSON.stringify(items);
  if (shown.get(id) === json) return;
  shown.set(id, json);
  const focused = document.activeElement?.dataset?.focus;
  byId(id).replaceChildren(...(items.length ? items.map(draw) : [make("li", "quiet", whenEmpty)]));
  if (focused) document.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
}

const words = (code) => {
  const text = code.replaceAll("_", " ").toLowerCase();
  return text[0].toUpperCase() + text.slice(1);
};

function time(text) {
  const moment = new Date(text);
  const clock = moment.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const today = moment.toDateString() === new Date().toDateString();
  const day = moment.toLocaleDateString([], { weekday: "short", day: "numeric", month: "short" });
  const element = make("time", "", today ? clock : `${day}, ${clock}`);
  element.dateTime = text;
  return element;
}

function name(chargerId, connectorId, label) {
  const charger = label || (chargerId === "_site" ? "Whole site" : chargerId);
  return connectorId ? `${charger}, connector\u00a0${connectorId}` : charger;
}

const quantity = (value, unit, digits) => (value === null ? "unknown" : `${value.toFixed(digits)} ${unit}`);

function alertRow(alert, labels) {
  const title = name(alert.charger_id, alert.connector_id, labels.get(alert.charger_id));
  const row = card(
    alert.severity.toLowerCase(),
    title,
    words(alert.severity),
    make("p", "", alert.message),
    make("p", "quiet", `${words(alert.alert_type)}, since `, time(alert.raised_at)),
  );
  if (alert.state === "ACKNOWLEDGED") {
    const note = alert.note ? `: ${alert.note}` : "";
    row.append(make("p", "quiet", `Acknowledged by ${alert.acknowledged_by ?? "somebody"}${note}`));
  } else {
    const button = make("button", "", "Acknowledge");
    button.dataset.focus = alert.alert_id;
    button.setAttribute("aria-label", `Acknowledge: ${title}, ${alert.message}`);
    button.addEventListener("click", () => openAcknowledge(alert, title));
    row.append(button);
  }
  return row;
}

function announce(alerts, labels) {
  const fresh = alerts.filter((alert) => knownAlerts && !knownAlerts.has(alert.alert_id));
  knownAlerts = new Set(alerts.map((alert) => alert.alert_id));
  const title = (alert) => name(alert.charger_id, alert.connector_id, labels.get(alert.charger_id));
  const news = fresh.map((alert) => `New alert: ${title(alert)}. ${alert.message}`).join(" ");
  if (news) byId("announcement").textContent = news;
}

function openAcknowledge(alert, title) {
  acknowledging = alert;
  byId("ack-alert").textContent = `${title}: ${alert.message}`;
  byId("by").value = sessionStorage.getItem(BY) ?? "";
  byId("note").value = "";
  byId("ack-fault").textContent = "";
  byId("ack").showModal();
}

async function acknowledge(event) {
  event.preventDefault();
  const by = byId("by").value.trim();
  sessionStorage.setItem(BY, by);
  try {
    await ask(`/api/v1/alerts/${encodeURIComponent(acknowledging.alert_id)}/ack`, {
      by,
      note: byId("note").value.trim() || null,
    });
    byId("ack").close();
    byId("alerts-title").focus(); // the button that was pressed will be gone
    poll();
  } catch (error) {
    byId("ack-fault").textContent = error.status ? error.message : "The agent cannot be reached. Try again.";
  }
}

function risk(failure) {
  if (!failure) return "unknown";
  const percent = `${Math.round(failure.failure_probability * 100)} %`;
  return failure.engine === "rules" ? `${percent} (rules, no model)` : `${percent} in 30 days`;
}

function chargerTile(charger) {
  const { failure, anomaly, open_alerts: alerts } = charger;
  const grave = alerts.some((alert) => alert.severity === "CRITICAL") || charger.status === "FAULTY";
  const concern = alerts.length || failure?.action_required || anomaly?.is_anomaly;
  const level = grave ? "critical" : concern ? "warning" : "fine";
  const title = name(charger.charger_id, charger.connector_id, charger.label);
  return card(
    level,
    title,
    charger.status ? words(charger.status) : "Unknown",
    facts([
      ["Power", quantity(charger.power, "kW", 1)],
      ["Temperature", charger.temperature === null ? "no sensor" : quantity(charger.temperature, "°C", 0)],
      ["Failure risk", risk(failure)],
      ["Behaviour", anomaly?.is_anomaly ? words(anomaly.anomaly_type) : null],
      ["Error codes", charger.error_codes.length ? charger.error_codes.join(", ") : null],
      ["Last heard", charger.last_heard_at ? time(charger.last_heard_at) : "never"],
    ]),
  );
}

function maintenanceRow(item, labels) {
  const { net_savings: savings, currency } = item.cost_benefit;
  const connector = item.connector_ids.length === 1 ? item.connector_ids[0] : 0;
  const level = item.urgency === "CRITICAL" ? "critical" : item.urgency === "HIGH" ? "warning" : "fine";
  return card(
    level,
    name(item.charger_id, connector, labels.get(item.charger_id)),
    words(item.urgency),
    facts([
      [item.action_required ? "Recommended" : "Next planned visit", time(item.recommended_date)],
      ["Takes about", quantity(item.estimated_downtime_hours, "h", 1)],
      ["Likely cause", item.likely_failure_mode && words(item.likely_failure_mode)],
      ["Parts", item.parts.length ? item.parts.join(", ") : null],
      ["Saves", savings > 0 ? `${savings.toFixed(0)} ${currency}` : null],
    ]),
    make("ul", "reasons", ...item.rationale.map((reason) => make("li", "", reason))),
  );
}

function showProblem(text) {
  const banner = byId("banner");
  if (banner.textContent !== text) banner.textContent = text; // an unchanged alert is not read out again
  banner.hidden = !text;
}

function showBanner(health) {
  const bad = Object.entries(health.checks).filter(([, check]) => !["healthy", "loaded"].includes(check.status));
  const which = bad.map(([check, { status }]) => `${check} ${status}`).join(", ");
  showProblem(health.status === "healthy" ? "" : `The agent is ${health.status}${which ? `: ${which}` : ""}.`);
}

function signIn(fault) {
  clearTimeout(timer);
  byId("sign-in-fault").textContent = sessionStorage.getItem(KEY) ? fault : "";
  sessionStorage.removeItem(KEY);
  byId("site").hidden = true;
  byId("sign-in").hidden = false;
  byId("key").focus();
}

function useKey(key) {
  sessionStorage.setItem(KEY, key.trim());
  byId("sign-in").hidden = true;
  poll();
}

byId("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  useKey(byId("key").value);
  byId("key").value = "";
});
byId("ack-form").addEventListener("submit", acknowledge);
byId("ack-cancel").addEventListener("click", () => byId("ack").close());

const handed = new URLSearchParams(location.hash.slice(1)).get("key");
if (handed) history.replaceState(null, "", location.pathname);
if (handed) useKey(handed);
else if (sessionStorage.getItem(KEY)) poll();
else signIn("");
