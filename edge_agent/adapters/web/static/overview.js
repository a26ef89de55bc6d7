// The whole site at a glance: a tile per connector, worst first, each ending in one verb.

import { keyOf } from "./site.js";
import { levelOf, nameOf, needsYou, Todo } from "./parts.js";
import { amount, percent, said, text } from "./text.js";
import { html } from "./vendor.js";

// Hours and visits weigh, not connectors: an idle one must not raise the site's figure.
function together(report) {
  const sum = (value) => report.items.reduce((all, each) => all + value(each), 0);
  const observed = sum((each) => (each.uptime === null ? 0 : each.observed_hours));
  const up = sum((each) => (each.uptime ?? 0) * each.observed_hours);
  const visits = sum((each) => (each.first_time_success === null ? 0 : each.visits));
  const good = sum((each) => (each.first_time_success ?? 0) * each.visits);
  return { uptime: observed ? up / observed : null, firstTime: visits ? good / visits : null };
}

const Figure = ({ name, value }) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`;

function Tile({ each }) {
  const href = `#/chargers/${encodeURIComponent(each.charger_id)}/${each.connector_id}`;
  const first = each.open_alerts[0];
  const charging = each.status === "CHARGING" && each.power != null;
  return html`
    <li class=${`card tile ${levelOf(each)}`}>
      <a href=${href}>
        <div class="title">
          <h2>${nameOf(each.charger_id, each.connector_id, each.label)}</h2>
          <span class="badge">${each.status ? said(text.status, each.status) : text.unknown}</span>
        </div>
        <p class="why">
          ${first ? first.message : each.todo.why || (charging ? amount(each.power, "kW") : "")}
        </p>
        <${Todo} todo=${each.todo} />
      </a>
    </li>
  `;
}

export function Overview({ site }) {
  // A cabinet that says nothing of itself is there through its connectors.
  const shown = site.chargers.filter((each) => each.connector_id > 0 || each.status || each.open_alerts.length > 0);
  const needed = shown.filter(needsYou).length;
  const charging = site.chargers.filter((each) => each.status === "CHARGING").length;
  const figures = site.uptime ? together(site.uptime) : { uptime: null, firstTime: null };
  const headline = needed ? text.overview.needed(needed) : text.overview.fine(shown.length);
  if (shown.length === 0) return html`<h1 tabindex="-1">${text.site}</h1><p>${text.overview.empty}</p>`;
  return html`
    <h1 tabindex="-1">${headline}</h1>
    <dl class="figures">
      <${Figure} name=${text.overview.uptime} value=${percent(figures.uptime, 2)} />
      <${Figure} name=${text.overview.firstTime} value=${percent(figures.firstTime)} />
      <${Figure} name=${text.overview.openAlerts} value=${site.alerts.length} />
      <${Figure} name=${text.overview.charging} value=${charging} />
    </dl>
    <ul class="tiles">${shown.map((each) => html`<${Tile} key=${keyOf(each)} each=${each} />`)}</ul>
  `;
}
