// What is known of the site: asked for once the stream of events stands, and kept up to date by it.

import { get, listen } from "./api.js";
import { useEffect, useReducer } from "./vendor.js";

const AGAIN_MS = 3_000;
const GATHER_MS = 100;
const ALERTS = 500;

export const keyOf = (each) => `${each.charger_id} ${each.connector_id}`;

const GRAVITY = { CRITICAL: 3, WARNING: 2, INFO: 1 };
const rank = (each) => Math.max(0, ...each.open_alerts.map((alert) => GRAVITY[alert.severity]));
const worstFirst = (one, other) =>
  (other.todo.do !== "NONE") - (one.todo.do !== "NONE") ||
  rank(other) - rank(one) ||
  (other.failure?.failure_probability ?? 0) - (one.failure?.failure_probability ?? 0) ||
  keyOf(one).localeCompare(keyOf(other), undefined, { numeric: true });

const EMPTY = { chargers: null, alerts: [], suggestions: [], uptime: null, live: false, fresh: [] };

const others = (list, of, what) => list.filter((each) => of(each) !== of(what));
const idOf = (alert) => alert.alert_id;
const chargerOf = (each) => each.charger_id;

function changed(site, [kind, what]) {
  switch (kind) {
    case "all":
    case "live":
      return { ...site, ...what };
    case "charger":
      return { ...site, chargers: [...others(site.chargers ?? [], keyOf, what), what] };
    case "maintenance":
      return { ...site, suggestions: [...others(site.suggestions, chargerOf, what), what] };
    case "alert-over":
      return { ...site, alerts: others(site.alerts, idOf, what) };
    default: {
      const left = others(site.alerts, idOf, what);
      const fresh = left.length === site.alerts.length ? [...site.fresh, what] : site.fresh;
      return { ...site, alerts: [what, ...left], fresh };
    }
  }
}

const soonestFirst = (one, other) => one.recommended_date.localeCompare(other.recommended_date);
const newestFirst = (one, other) => other.raised_at.localeCompare(one.raised_at);

// All that came together, drawn once.
function told(site, news) {
  const after = news.reduce(changed, { ...site, fresh: [] });
  return {
    ...after,
    chargers: after.chargers?.toSorted(worstFirst) ?? null,
    alerts: after.alerts.toSorted(newestFirst),
    suggestions: after.suggestions.toSorted(soonestFirst),
  };
}

async function everything() {
  const [chargers, alerts, maintenance, uptime] = await Promise.all(
    ["chargers", `alerts?limit=${ALERTS}`, "maintenance", "reports/uptime"].map(get),
  );
  return { chargers: chargers.items, alerts: alerts.items, suggestions: maintenance.items, uptime };
}

// Returns the site and a function that hears what an order was answered with, before the event comes.
export function useSite(signedOut) {
  const [site, take] = useReducer(told, EMPTY);
  const tell = (news) => take([news]);
  useEffect(() => {
    let source = null;
    let timer = 0;
    let due = 0;
    let waiting = [];
    const heard = (kind, what) => {
      waiting.push([kind, what]);
      due ||= setTimeout(() => {
        take(waiting);
        waiting = [];
        due = 0;
      }, GATHER_MS);
    };
    const lost = (error) => {
      if (error?.status === 401) return signedOut();
      tell(["live", { live: false }]);
      timer = setTimeout(begin, AGAIN_MS);
    };
    const stands = async (is, ended) => {
      if (!is) {
        tell(["live", { live: false }]);
        // A browser does not come again to a stream that was refused: ask why.
        if (ended) get("session").then(() => lost(), lost);
        return;
      }
      try {
        tell(["all", { ...(await everything()), live: true }]);
      } catch (error) {
        source.close();
        lost(error);
      }
    };
    const begin = () => {
      source = listen(heard, stands);
    };
    begin();
    return () => {
      clearTimeout(timer);
      clearTimeout(due);
      source.close();
    };
  }, []);
  return [site, tell];
}

export const labelOf = (site, chargerId) =>
  site.chargers?.find((each) => each.charger_id === chargerId)?.label ?? null;
