// Small parts that several views share.

import { amount, percent, said, text, timeOf } from "./text.js";
import { html, useEffect, useRef, useState } from "./vendor.js";

export const BY = "edge-agent-by"; // initials, for this tab

export const nameOf = (chargerId, connectorId, label) => {
  const charger = label || (chargerId === "_site" ? text.wholeSite : chargerId);
  return connectorId ? `${charger}, ${text.connector(connectorId)}` : charger;
};

// What can wait until another day needs nobody now.
const DAY_MS = 86_400_000;
export const needsYou = ({ todo }) =>
  todo.do !== "NONE" && (todo.at === null || new Date(todo.at).getTime() - Date.now() < DAY_MS);

export const levelOf = (each) => {
  const grave = each.open_alerts.some((alert) => alert.severity === "CRITICAL") || each.status === "FAULTY";
  if (grave) return "critical";
  return each.open_alerts.some((alert) => alert.severity === "WARNING") || needsYou(each) ? "warning" : "fine";
};

export const Time = ({ at }) => html`<time datetime=${at}>${timeOf(at)}</time>`;

export const Facts = ({ of }) => html`
  <dl class="facts">
    ${of
      .filter(([, value]) => value !== null)
      .map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}
  </dl>
`;

export const Todo = ({ todo }) => html`
  <p class=${`todo do-${todo.do.toLowerCase()}`}>
    <strong>${text.todo[todo.do]}</strong>
    ${todo.at && html`<${Time} at=${todo.at} />`}
    ${todo.part && html`<span>${text.todo.with(todo.part)}</span>`}
  </p>
`;

export const riskOf = (failure) => {
  if (!failure) return text.unknown;
  return `${percent(failure.failure_probability)} ${text.charger.within(30)}`;
};

export const readingsOf = (each) => {
  const names = text.charger.facts;
  return [
    [names.power, amount(each.power, "kW")],
    [names.temperature, each.temperature == null ? text.noSensor : amount(each.temperature, "°C", 0)],
    [names.behaviour, each.anomaly?.is_anomaly ? said({}, each.anomaly.anomaly_type) : null],
    [names.codes, each.error_codes.length ? each.error_codes.join(", ") : null],
    [names.heard, each.last_heard_at ? html`<${Time} at=${each.last_heard_at} />` : text.never],
  ];
};

// A dialog with a form. `send(fields)` orders; it closes when that is done, and says why where it is not.
export function Form({ title, about, close, send, button, children }) {
  const dialog = useRef();
  const [fault, setFault] = useState("");
  const [busy, setBusy] = useState(false);
  useEffect(() => dialog.current.showModal(), []);
  const submit = async (event) => {
    event.preventDefault();
    const fields = Object.fromEntries(new FormData(event.target, event.submitter));
    if (fields.by) sessionStorage.setItem(BY, fields.by);
    setBusy(true);
    setFault("");
    try {
      await send(fields);
      dialog.current.close();
    } catch (error) {
      setFault(error.status ? error.message : text.form.unreachable);
    }
    setBusy(false);
  };
  return html`
    <dialog ref=${dialog} onClose=${close} aria-labelledby="dialog-title">
      <form onSubmit=${submit}>
        <h2 id="dialog-title">${title}</h2>
        ${about && html`<p>${about}</p>`} ${children}
        <p class="fault" role="alert">${fault}</p>
        <div class="buttons">
          ${button && html`<button disabled=${busy}>${button}</button>`}
          <button type="button" class="plain" onClick=${() => dialog.current.close()}>${text.form.cancel}</button>
        </div>
      </form>
    </dialog>
  `;
}

export const By = () => html`
  <label>${text.form.by}<input name="by" maxlength="64" autocomplete="off" required defaultValue=${initials()} /></label>
`;
export const Note = () => html`
  <label>${text.form.note}<input name="note" maxlength="1000" autocomplete="off" /></label>
`;
export const initials = () => sessionStorage.getItem(BY) ?? "";

// Loads what a view shows; again whenever one of `when` changes.
export function useAsked(ask, when) {
  const [found, setFound] = useState({ is: null, fault: null });
  useEffect(() => {
    let wanted = true;
    ask().then(
      (is) => wanted && setFound({ is, fault: null }),
      (error) => wanted && setFound((before) => ({ ...before, fault: error.status ? error.message : text.notLive })),
    );
    return () => {
      wanted = false;
    };
  }, when);
  return found;
}
