// Maintenance by day: what, why then, what it saves, and what people decide of it.

import { post } from "./api.js";
import { By, Form, nameOf } from "./parts.js";
import { labelOf } from "./site.js";
import { amount, dateOf, said, text, timeOf } from "./text.js";
import { html, useState } from "./vendor.js";
import { LogWork } from "./work.js";

const LEVELS = { CRITICAL: "critical", HIGH: "warning", MEDIUM: "info" };
const names = text.maintenance;

function Decide({ item, decision, close, tell }) {
  const send = async ({ by, at, reason }) => {
    const when = at ? { at: new Date(at).toISOString() } : {};
    const why = reason ? { reason } : {};
    const path = `maintenance/${encodeURIComponent(item.suggestion_id)}`;
    tell(["maintenance", await post(path, { decision, by, ...when, ...why })]);
  };
  const title = { ACCEPT: names.accept, MOVE: names.move, REJECT: names.reject }[decision];
  return html`
    <${Form} title=${title} button=${title} close=${close} send=${send}>
      ${decision === "MOVE" && html`<label>${names.when}<input name="at" type="datetime-local" required /></label>`}
      ${decision === "REJECT" && html`<label>${names.reason}<input name="reason" maxlength="1000" required /></label>`}
      <${By} />
    <//>
  `;
}

function Item({ item, site, role, tell }) {
  const [doing, setDoing] = useState(null);
  const close = () => setDoing(null);
  const connector = item.connector_ids.length === 1 ? item.connector_ids[0] : 0;
  const name = nameOf(item.charger_id, connector, labelOf(site, item.charger_id));
  const open = !["DONE", "REJECTED"].includes(item.state);
  const { net_savings: savings, currency } = item.cost_benefit;
  const button = (deed, label, kind) => html`
    <button class=${kind} aria-label=${`${label}: ${name}`} onClick=${() => setDoing(deed)}>${label}</button>
  `;
  const alerts = site.alerts.filter((each) => each.charger_id === item.charger_id);
  return html`
    <li class=${`card ${LEVELS[item.urgency] ?? ""}`}>
      <div class="title">
        <h3><a href=${`#/chargers/${encodeURIComponent(item.charger_id)}/${item.connector_ids[0] ?? 0}`}>${name}</a></h3>
        <span class="badge">${said(names.state, item.state)}</span>
      </div>
      <p>
        <strong>${item.action_required ? said(text.todo, item.resolution) : names.planned}</strong>${" "}
        ${timeOf(item.recommended_date)}, ${names.takes(item.estimated_downtime_hours)}
      </p>
      ${item.parts.length > 0 && html`<p>${names.bring(item.parts.join(", "))}</p>`}
      <p class="quiet">
        ${said(names.urgency, item.urgency)}${item.likely_failure_mode && html`, ${said({}, item.likely_failure_mode)}`}
        ${savings > 0 && html`, ${names.saves(amount(savings, currency, 0).replace(` ${currency}`, ""), currency)}`}
      </p>
      <details><summary>${names.why}</summary><ul class="reasons">${item.rationale.map((each) => html`<li key=${each}>${each}</li>`)}</ul></details>
      ${role !== "viewer" &&
      html`
        <div class="buttons">
          ${open && item.state === "PROPOSED" && button("ACCEPT", names.accept, "")}
          ${open && button("MOVE", names.move, "plain")} ${open && button("REJECT", names.reject, "plain")}
          ${button("work", text.charger.logWork, "plain")}
        </div>
      `}
      ${["ACCEPT", "MOVE", "REJECT"].includes(doing) && html`<${Decide} ...${{ item, close, tell }} decision=${doing} />`}
      ${doing === "work" &&
      html`<${LogWork} chargerId=${item.charger_id} connectorId=${connector} name=${name} suggestion=${item} alerts=${alerts} close=${close} done=${close} />`}
    </li>
  `;
}

export function Maintenance({ site, role, tell }) {
  const days = Map.groupBy(site.suggestions, (each) => dateOf(each.recommended_date));
  return html`
    <h1 tabindex="-1">${text.nav.maintenance}</h1>
    <p><a href="/api/v1/maintenance?format=ics" download="maintenance.ics">${names.calendar}</a></p>
    ${site.suggestions.length === 0 && html`<p class="quiet">${names.empty}</p>`}
    ${[...days].map(
      ([date, items]) => html`
        <section key=${date} aria-label=${date}>
          <h2>${date}</h2>
          <ul class="rows">
            ${items.map((item) => html`<${Item} key=${item.charger_id} item=${item} site=${site} role=${role} tell=${tell} />`)}
          </ul>
        </section>
      `,
    )}
  `;
}
