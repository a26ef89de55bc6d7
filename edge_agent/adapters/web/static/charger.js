// One charger: what is wrong, what is likely, why, what to check, and what was.

import { AlertRow } from "./alerts.js";
import { get, of, post } from "./api.js";
import { Curve, Readings } from "./chart.js";
import { By, Facts, Form, initials, levelOf, nameOf, Note, readingsOf, Time, Todo, useAsked } from "./parts.js";
import { amount, dateOf, percent, said, text, timeOf } from "./text.js";
import { html, useState } from "./vendor.js";
import { LogWork } from "./work.js";

const HOUR_MS = 3_600_000;
const RANGES = { hour: HOUR_MS, day: 24 * HOUR_MS, month: 30 * 24 * HOUR_MS };
const QUIET_MS = 2 * HOUR_MS;

function Likely({ failure }) {
  if (!failure) return null;
  const window = failure.predicted_failure_window;
  return html`
    <section class="card" aria-labelledby="likely">
      <h2 id="likely">${text.charger.likely}</h2>
      <dl class="figures">
        ${Object.entries(failure.failure_probability_by_horizon).map(
          ([days, share]) => html`
            <div key=${days}><dt>${text.charger.within(parseInt(days, 10))}</dt><dd>${percent(share)}</dd></div>
          `,
        )}
      </dl>
      ${failure.failed_since
        ? html`<p class="bad">${text.charger.failed(timeOf(failure.failed_since))}</p>`
        : html`
            <${Curve} horizons=${failure.failure_probability_by_horizon} />
            <p>${window ? text.charger.window(dateOf(window.start), dateOf(window.end)) : text.charger.noDate}</p>
          `}
      ${!failure.calibrated && html`<p class="quiet">${text.charger.score}</p>`}
      <${Sentences} title=${text.charger.why} of=${failure.top_contributing_factors} />
      <${Sentences} title=${text.charger.check} of=${failure.action_required ? failure.recommended_actions : []} />
    </section>
  `;
}

const Sentences = ({ title, of: told }) =>
  told.length > 0 && html`<h3>${title}</h3><ul class="reasons">${told.map((each) => html`<li key=${each}>${each}</li>`)}</ul>`;

function History({ chargerId, connectorId, beat }) {
  const [range, setRange] = useState("day");
  const ask = () => {
    const now = Date.now();
    const from = new Date(now - RANGES[range]).toISOString();
    return get(`${of(chargerId)}/history?connector_id=${connectorId}&from=${from}&to=${new Date(now).toISOString()}`);
  };
  const { is: history, fault } = useAsked(ask, [chargerId, connectorId, range, beat]);
  const tab = ([key, name]) => html`
    <button key=${key} class="tab" aria-pressed=${range === key} onClick=${() => setRange(key)}>${name}</button>
  `;
  return html`
    <section class="card" aria-labelledby="readings">
      <h2 id="readings">${text.charger.readings}</h2>
      <div class="tabs">${Object.entries(text.charger.ranges).map(tab)}</div>
      ${fault && html`<p class="fault" role="alert">${fault}</p>`}
      ${history?.at.length === 0 && html`<p class="quiet">${text.charger.noReadings}</p>`}
      ${history && ["power", "temperature"].map((name) => html`<${Readings} key=${name} history=${history} name=${name} />`)}
    </section>
  `;
}

function Sessions({ sessions }) {
  return html`
    <section class="card" aria-labelledby="sessions">
      <h2 id="sessions">${text.charger.sessions}</h2>
      ${sessions.length === 0 && html`<p class="quiet">${text.charger.noSessions}</p>`}
      <ul class="lines">
        ${sessions.slice(0, 12).map(
          (each) => html`
            <li key=${each.started_at}>
              <span><${Time} at=${each.started_at} /></span>
              <span>${amount(each.energy_kwh, "kWh")}</span>
              <span class=${each.failed_at ? "bad" : "good"}>
                ${each.failed_at ? text.charger.failedAt(said(text.stages, each.failed_at)) : text.charger.good}
              </span>
            </li>
          `,
        )}
      </ul>
    </section>
  `;
}

function logOf(detail, connectorId) {
  const here = (each) => each.connector_id === connectorId || each.connector_id === 0;
  const log = [
    ...detail.past_alerts.filter(here).map((each) => [each.raised_at, each.message]),
    ...detail.downtime
      .filter(here)
      .map((each) => [each.began_at, `${text.charger.outage(said(text.causes, each.cause))}, ${each.ended_at ? timeOf(each.ended_at) : text.charger.ongoing}`]),
    ...detail.work
      .filter(here)
      .map((each) => [each.finished_at, [text.work.by(said(text.work.verdicts, each.verdict), each.by), each.note].filter(Boolean).join(": ")]),
    ...detail.changes.map((each) => [each.at, [`${text.charger.changes[each.change]} (${each.by})`, each.note].filter(Boolean).join(": ")]),
  ];
  return log.sort(([one], [other]) => other.localeCompare(one)).slice(0, 30);
}

function Log({ detail, connectorId }) {
  const log = logOf(detail, connectorId);
  return html`
    <section class="card" aria-labelledby="log">
      <h2 id="log">${text.charger.log}</h2>
      ${log.length === 0 && html`<p class="quiet">${text.charger.noLog}</p>`}
      <ul class="lines">
        ${log.map(([at, what]) => html`<li key=${at + what}><span><${Time} at=${at} /></span><span class="wide">${what}</span></li>`)}
      </ul>
    </section>
  `;
}

const Plate = ({ detail }) => {
  const names = text.charger.facts;
  const facts = ["vendor", "model", "firmware", "location"].map((name) => [names[name], detail[name]]);
  return html`
    <section class="card" aria-labelledby="plate">
      <h2 id="plate">${text.charger.plate}</h2>
      <${Facts} of=${[...facts, [names.warranty, detail.warranty_until]]} />
    </section>
  `;
};

function Working({ chargerId, close, changed }) {
  const send = async ({ by, note }) => {
    const until = new Date(Date.now() + QUIET_MS).toISOString();
    await post(`${of(chargerId)}/quiet`, { by, note: note || null, until });
    changed();
  };
  return html`
    <${Form} title=${text.charger.quiet} button=${text.charger.quiet} close=${close} send=${send}><${By} /><${Note} /><//>
  `;
}

function Deeds({ each, detail, role, changed }) {
  const [doing, setDoing] = useState(null);
  if (role === "viewer") return null;
  const end = async () => {
    await post(`${of(each.charger_id)}/quiet`, { by: initials() || detail.quiet.by, until: new Date().toISOString() });
    changed();
  };
  const close = () => setDoing(null);
  const work = {
    chargerId: each.charger_id,
    connectorId: each.connector_id,
    name: nameOf(each.charger_id, each.connector_id, each.label),
    suggestion: detail.suggestion?.connector_ids.includes(each.connector_id) ? detail.suggestion : null,
    alerts: each.open_alerts,
  };
  return html`
    ${detail.quiet && html`<p class="note">${text.charger.quietUntil(timeOf(detail.quiet.until), detail.quiet.by)}</p>`}
    <div class="buttons">
      <button onClick=${() => setDoing("work")}>${text.charger.logWork}</button>
      ${detail.quiet
        ? html`<button class="plain" onClick=${end}>${text.charger.endQuiet}</button>`
        : html`<button class="plain" onClick=${() => setDoing("quiet")}>${text.charger.quiet}</button>`}
    </div>
    ${doing === "work" && html`<${LogWork} ...${work} close=${close} done=${changed} />`}
    ${doing === "quiet" && html`<${Working} chargerId=${each.charger_id} close=${close} changed=${changed} />`}
  `;
}

export function Charger({ site, role, tell, chargerId, connectorId }) {
  const [version, setVersion] = useState(0);
  const live = site.chargers.find((one) => one.charger_id === chargerId && one.connector_id === connectorId);
  // What was is asked for again when something ends or begins, and each minute.
  const beat = `${version} ${live?.status} ${live?.open_alerts.length} ${Math.floor(Date.now() / 60_000)}`;
  const { is: detail, fault } = useAsked(() => get(of(chargerId)), [chargerId, beat]);
  const each = live ?? detail?.connectors.find((one) => one.connector_id === connectorId);
  const changed = () => setVersion((before) => before + 1);
  // One title from the first moment on: who reads by ear stands on it already.
  return html`
    <p><a href="#/">${text.charger.back}</a></p>
    <h1 tabindex="-1">${nameOf(chargerId, connectorId, each?.label)}</h1>
    ${detail && each
      ? html`<${Known} ...${{ each, detail, site, role, tell, changed, beat }} />`
      : html`<p class=${fault ? "fault" : "quiet"} role="status">${fault ?? text.loading}</p>`}
  `;
}

function Known({ each, detail, site, role, tell, changed, beat }) {
  const { charger_id: chargerId, connector_id: connectorId } = each;
  const others = detail.connectors.filter((one) => one.connector_id !== connectorId);
  return html`
    <section class=${`card ${levelOf(each)}`} aria-label=${text.charger.facts.status}>
      <div class="title">
        <${Todo} todo=${each.todo} />
        <span class="badge">${each.status ? said(text.status, each.status) : text.unknown}</span>
      </div>
      <p>${each.todo.why}</p>
      <${Facts} of=${readingsOf(each)} />
      <${Deeds} ...${{ each, detail, role, changed }} />
    </section>
    <section aria-labelledby="wrong">
      <h2 id="wrong">${text.charger.wrong}</h2>
      ${each.open_alerts.length === 0 && html`<p class="quiet">${text.charger.fine}</p>`}
      <ul class="rows">
        ${each.open_alerts.map(
          (alert) => html`
            <${AlertRow} key=${alert.alert_id} alert=${site.alerts.find((one) => one.alert_id === alert.alert_id) ?? alert}
              label=${each.label} role=${role} tell=${tell} level="h3" />
          `,
        )}
      </ul>
    </section>
    <div class="columns">
      <${Likely} failure=${each.failure} />
      <${History} chargerId=${chargerId} connectorId=${connectorId} beat=${beat} />
      <${Sessions} sessions=${detail.sessions.filter((one) => one.connector_id === connectorId)} />
      <${Log} detail=${detail} connectorId=${connectorId} />
      <${Plate} detail=${detail} />
    </div>
    ${others.map(
      (one) => html`
        <p key=${one.connector_id}>
          <a href=${`#/chargers/${encodeURIComponent(chargerId)}/${one.connector_id}`}>${nameOf(chargerId, one.connector_id, one.label)}</a>
        </p>
      `,
    )}
  `;
}
