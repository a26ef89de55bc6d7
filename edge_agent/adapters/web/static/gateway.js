// The gateway itself: how it is, what waits, what was not understood, what support needs.

import { get } from "./api.js";
import { Time, useAsked } from "./parts.js";
import { said, text, timeOf, words } from "./text.js";
import { html, useEffect, useState } from "./vendor.js";

const EVERY_MS = 5_000;
const FINE = new Set(["healthy", "loaded", "disabled"]);
const names = text.gateway;

function bytes(count) {
  const unit = count >= 1e9 ? "GB" : "MB";
  return `${(count / (unit === "GB" ? 1e9 : 1e6)).toFixed(1)} ${unit}`;
}

function told([name, value]) {
  if (value === null || typeof value === "object") return null;
  if (name.startsWith("bytes")) return [words(name), bytes(value)];
  if (/^\d{4}-\d\d-\d\dT/.test(value)) return [words(name), timeOf(value)];
  return [words(name), typeof value === "number" ? String(Math.round(value * 100) / 100) : String(value)];
}

function Check({ name, check }) {
  const { status, ...rest } = check;
  const facts = Object.entries(rest).map(told).filter(Boolean);
  return html`
    <li class=${`card ${FINE.has(status) ? "fine" : status === "unhealthy" ? "critical" : "warning"}`}>
      <div class="title"><h3>${said(names.checks, name)}</h3><span class="badge">${words(status)}</span></div>
      ${facts.length > 0 && html`<p class="quiet">${facts.map(([what, value]) => `${what}: ${value}`).join(", ")}</p>`}
    </li>
  `;
}

const Model = ({ model }) => html`
  <li class=${`card ${model.status === "LOADED" ? "fine" : "warning"}`}>
    <div class="title"><h3>${words(model.name)}</h3><span class="badge">${words(model.status)}</span></div>
    <p class="quiet">
      ${model.version}, <${Time} at=${model.loaded_at} />
      ${model.metadata.drift?.level && html`<br />${names.checks.drift}: ${words(model.metadata.drift.level)}`}
    </p>
  </li>
`;

function Sync({ sync }) {
  const waiting = Object.values(sync.backlog).reduce((all, count) => all + count, 0);
  return html`
    <p>${sync.enabled ? words(sync.status) : names.off} ${sync.message}</p>
    <p class="quiet">
      ${names.waiting(waiting)}. ${sync.last_acknowledged && html`${names.last}: <${Time} at=${sync.last_acknowledged} />`}
    </p>
    ${Object.entries(sync.lost).map(([kind, count]) => html`<p key=${kind} class="bad">${names.lost(count, words(kind))}</p>`)}
  `;
}

const Section = ({ title, children }) => html`<section aria-label=${title}><h2>${title}</h2>${children}</section>`;

const Lines = ({ of }) => html`
  <ul class="lines">
    ${of.map(([at, ...rest]) => html`
      <li key=${at + rest.join()}><span><${Time} at=${at} /></span>${rest.map((each) => html`<span class="wide">${each}</span>`)}</li>
    `)}
  </ul>
`;

export function Gateway({ session, signOut }) {
  const [beat, setBeat] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setBeat((before) => before + 1), EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  const may = (role) => ["viewer", "technician", "admin"].indexOf(session.role) >= ["viewer", "technician", "admin"].indexOf(role);
  const ask = () =>
    Promise.all([
      get("health"),
      get("models"),
      get("sync"),
      may("technician") ? get("diagnostics/quarantine") : null,
      may("admin") ? get("diagnostics/audit") : null,
    ]);
  const { is, fault } = useAsked(ask, [beat]);
  if (!is) return html`<h1 tabindex="-1">${text.nav.gateway}</h1><p class="quiet">${fault ?? text.loading}</p>`;
  const [health, models, sync, aside, audit] = is;
  const checks = Object.entries(health.checks).filter(([, check]) => check.status !== "disabled");
  return html`
    <h1 tabindex="-1">${text.nav.gateway}</h1>
    <${Section} title=${names.health}>
      <p>${health.status === "healthy" ? names.healthy : words(health.status)} ${health.service} ${health.version}</p>
      <ul class="tiles">${checks.map(([name, check]) => html`<${Check} key=${name} name=${name} check=${check} />`)}</ul>
    <//>
    <${Section} title=${names.models}>
      <ul class="tiles">${models.models.map((model) => html`<${Model} key=${model.name} model=${model} />`)}</ul>
    <//>
    <${Section} title=${names.sync}><${Sync} sync=${sync} /><//>
    ${aside &&
    html`
      <${Section} title=${names.aside}>
        ${aside.items.length === 0 && html`<p class="quiet">${names.noneAside}</p>`}
        <${Lines} of=${aside.items.slice(0, 20).map((each) => [each.at, each.topic, each.reason])} />
      <//>
    `}
    ${audit &&
    html`
      <${Section} title=${names.audit}>
        <${Lines} of=${audit.items.slice(0, 20).map((each) => [each.at, [each.action, each.by, each.who].filter(Boolean).join(", ")])} />
      <//>
    `}
    ${may("admin") && html`<p><a class="button" href="/api/v1/diagnostics/bundle" download>${names.diagnostics}</a></p>`}
    <p class="quiet">${text.signIn.as(session.label, session.role)}</p>
    <button class="plain" onClick=${signOut}>${text.signIn.out}</button>
    <p><a href="/docs">${names.docs}</a> · <a href="/static/vendor.txt">${names.licences}</a></p>
  `;
}
