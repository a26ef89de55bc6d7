// Alerts: a row each, with what may be done about it.

import { get, post } from "./api.js";
import { By, Form, nameOf, Note, useAsked } from "./parts.js";
import { labelOf } from "./site.js";
import { said, text, timeOf } from "./text.js";
import { html, useState } from "./vendor.js";

const HOUR_MS = 3_600_000;
const path = (alert, deed) => `alerts/${encodeURIComponent(alert.alert_id)}/${deed}`;

function Acknowledge({ alert, title, tell, close }) {
  const send = async ({ by, note }) => tell(["alert", await post(path(alert, "ack"), { by, note: note || null })]);
  return html`
    <${Form} title=${text.alerts.acknowledge} about=${`${title}: ${alert.message}`} button=${text.alerts.acknowledge}
      close=${close} send=${send}><${By} /><${Note} /><//>
  `;
}

function Silence({ alert, title, tell, close }) {
  const send = async ({ by, note, hours }) => {
    const until = new Date(Date.now() + Number(hours) * HOUR_MS).toISOString();
    tell(["alert", await post(path(alert, "silence"), { by, until, note: note || null })]);
  };
  const { times, howLong, silence } = text.alerts;
  return html`
    <${Form} title=${silence} about=${`${title}: ${alert.message}`} button=${silence} close=${close} send=${send}>
      <fieldset>
        <legend>${howLong}</legend>
        ${Object.entries(times).map(
          ([hours, name]) => html`
            <label class="choice" key=${hours}>
              <input type="radio" name="hours" value=${hours} defaultChecked=${hours === "8"} />${name}
            </label>
          `,
        )}
      </fieldset>
      <${By} /><${Note} />
    <//>
  `;
}

// level: of its heading; within a charger's own view it leads nowhere.
export function AlertRow({ alert, label, role, tell, level = "h2" }) {
  const [doing, setDoing] = useState(null);
  const title = nameOf(alert.charger_id, alert.connector_id, label);
  const over = alert.state === "CLEARED";
  const silenced = alert.silenced_until && new Date(alert.silenced_until) > new Date();
  const may = role !== "viewer" && !over;
  const button = (deed, name, kind) => html`
    <button class=${kind} aria-label=${`${name}: ${title}, ${alert.message}`} onClick=${() => setDoing(deed)}>${name}</button>
  `;
  const href = `#/chargers/${encodeURIComponent(alert.charger_id)}/${alert.connector_id}`;
  return html`
    <li class=${`card ${over ? "" : alert.severity.toLowerCase()}`}>
      <div class="title">
        <${level}>${level === "h2" && alert.charger_id !== "_site" ? html`<a href=${href}>${title}</a>` : title}<//>
        <span class="badge">${said(text.severity, alert.severity)}</span>
      </div>
      <p>${alert.message}</p>
      <p class="quiet">
        ${said(text.alertType, alert.alert_type)},${" "}
        ${over
          ? text.alerts.lasted(timeOf(alert.raised_at), timeOf(alert.cleared_at))
          : text.alerts.since(timeOf(alert.raised_at))}
        ${alert.acknowledged_by && html`<br />${text.alerts.acknowledgedBy(alert.acknowledged_by)}`}
        ${silenced && html`<br />${text.alerts.silencedUntil(timeOf(alert.silenced_until))}`}
        ${alert.note && html`<br />${alert.note}`}
      </p>
      <div class="buttons">
        ${may && alert.state === "OPEN" && button("acknowledge", text.alerts.acknowledge, "")}
        ${may && !silenced && button("silence", text.alerts.silence, "plain")}
        <a class="button plain" href=${`/api/v1/${path(alert, "evidence")}`} download=${`evidence-${alert.alert_id}.json`}
          aria-label=${`${text.alerts.evidence}: ${title}, ${alert.message}`}>${text.alerts.evidence}</a>
      </div>
      ${doing === "acknowledge" && html`<${Acknowledge} ...${{ alert, title, tell }} close=${() => setDoing(null)} />`}
      ${doing === "silence" && html`<${Silence} ...${{ alert, title, tell }} close=${() => setDoing(null)} />`}
    </li>
  `;
}

export function Alerts({ site, role, tell }) {
  const [past, setPast] = useState(false);
  const over = useAsked(() => (past ? get("alerts?state=CLEARED&limit=200") : Promise.resolve(null)), [past, site.alerts]);
  const shown = past ? (over.is?.items ?? []) : site.alerts;
  const none = past ? text.alerts.noneOver : text.alerts.noneOpen;
  const tab = (is, name) => html`
    <button class="tab" aria-pressed=${past === is} onClick=${() => setPast(is)}>${name}</button>
  `;
  return html`
    <h1 tabindex="-1">${text.nav.alerts}</h1>
    <div class="tabs">${tab(false, text.alerts.open)}${tab(true, text.alerts.over)}</div>
    ${over.fault && html`<p class="fault" role="alert">${over.fault}</p>`}
    <ul class="rows">
      ${shown.map(
        (alert) => html`
          <${AlertRow} key=${alert.alert_id} alert=${alert} label=${labelOf(site, alert.charger_id)} role=${role} tell=${tell} />
        `,
      )}
    </ul>
    ${shown.length === 0 && html`<p class="quiet">${none}</p>`}
  `;
}
