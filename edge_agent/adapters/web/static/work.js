// Work that was done, told in two taps: "Log work", and what was found.

import { of, post } from "./api.js";
import { By, Form, Note } from "./parts.js";
import { text } from "./text.js";
import { html } from "./vendor.js";

export function LogWork({ chargerId, connectorId, name, suggestion, alerts, close, done }) {
  const send = async ({ verdict, by, note, action, part }) => {
    await post(`${of(chargerId)}/maintenance`, {
      connector_id: connectorId,
      suggestion_id: suggestion?.suggestion_id ?? null,
      alert_ids: alerts.map((alert) => alert.alert_id).slice(0, 32),
      verdict,
      failure_mode: suggestion?.likely_failure_mode ?? null,
      part: part || null,
      action: action || null,
      finished_at: new Date().toISOString(),
      by,
      note: note || null,
    });
    done();
  };
  const { title, hint, verdicts, action, actions, part } = text.work;
  return html`
    <${Form} title=${title(name)} about=${hint} close=${close} send=${send}>
      <${By} />
      <div class="verdicts">
        ${Object.entries(verdicts).map(
          ([verdict, label]) => html`<button key=${verdict} name="verdict" value=${verdict}>${label}</button>`,
        )}
      </div>
      <details>
        <summary>${action}</summary>
        <label>
          ${action}
          <select name="action">
            <option value=""></option>
            ${Object.entries(actions).map(([each, label]) => html`<option key=${each} value=${each}>${label}</option>`)}
          </select>
        </label>
        <label>${part}<input name="part" maxlength="64" autocomplete="off" defaultValue=${suggestion?.parts[0] ?? ""} /></label>
        <${Note} />
      </details>
    <//>
  `;
}
