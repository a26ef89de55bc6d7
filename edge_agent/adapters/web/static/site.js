// What is known of the site: asked for once the stream of events stands, and kept up to date by it.

import { get, listen } from "./api.js";
import { useEffect, useReducer } from "./vendor.js";

const AGAIN_MS = 3_000;
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

function told(site, [kind, what]) {
  if (kind === "all") return { ...site, ...what, chargers: what.chargers.toSorted(worstFirst), fresh: [] };
  if (kind === "live") return { ...site, live: what };
  if (kind === "charger") {
    const others = (site.chargers ?? []).filter((each) => keyOf(each) !== keyOf(what));
    return { ...site, chargers: [...others, what].toSorted(worstFirst) };
  }
  if (kind === "alert-over") {
    return { ...site, alerts: site.alerts.filter((each) => each.alert_id !== what.alert_id) };
  }
  if (kind === "maintenance") {
    const others = site.suggestions.filter((each) => each.charger_id !== what.charger_id);
    return { ...site, suggestions: [...others, what].toSorted(soonestFirst) };
  }
  const others = site.alerts.filter((each) => each.alert_id !== what.alert_id);
  const fresh = others.length === site.alerts.length ? [what] : [];
  return { ...site, alerts: [what, ...others].toSorted(newestFirst), fresh };
}

const soonestFirst = (one, other) => one.recommended_date.localeCompare(other.recommended_date);
const newestFirst = (one, other) => other.raised_at.localeCompare(one.raised_at);

async function everything() {
  const [chargers, alerts, maintenance, uptime] = await Promise.all(
    ["chargers", `alerts?limit=${ALERTS}`, "maintenance", "reports/uptime"].map(get),
  );
  return { chargers: chargers.items, alerts: alerts.items, suggestions: maintenance.items, uptime };
}

// Returns the site and a function that hears what an order was answered with, before the event comes.
export function useSite(signedOut) {
  const [site, tell] = useReducer(told, EMPTY);
  useEffect(() => {
    let source = null;
    let timer = 0;
    const lost = (error) => {
      if (error?.status === 401) return signedOut();
      tell(["live", false]);
      timer = setTimeout(begin, AGAIN_MS);
    };
    const stands = async (is, ended) => {
      if (!is) {
        tell(["live", false]);
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
      source = listen((kind, what) => tell([kind, what]), stands);
    };
    begin();
    return () => {
      clearTimeout(timer);
      source.close();
    };
  }, []);
  return [site, tell];
}

export const labelOf = (site, chargerId) =>
  site.chargers?.find((each) => each.charger_id === chargerId)?.label ?? null;
