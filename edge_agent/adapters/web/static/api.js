// The agent's REST API and its events. The browser's session is a cookie that no script can read.

const TIMEOUT_MS = 10_000;

export class Refusal extends Error {
  constructor(status, problem) {
    const detail = problem?.detail ?? `The agent answered ${status}.`;
    super(Array.isArray(detail) ? detail.map((fault) => fault.msg).join(" ") : detail);
    this.status = status;
  }
}

async function call(path, options) {
  const response = await fetch(`/api/v1/${path}`, { ...options, signal: AbortSignal.timeout(TIMEOUT_MS) });
  const answer = await response.json().catch(() => null);
  // An unhealthy agent reports so with 503; the report is what we came for.
  if (!response.ok && !answer?.checks) throw new Refusal(response.status, answer);
  return answer;
}

export const get = (path) => call(path);
export const post = (path, body) =>
  call(path, {
    method: "POST",
    headers: body ? { "Content-Type": "application/json" } : {},
    body: body && JSON.stringify(body),
  });

export const of = (chargerId) => `chargers/${encodeURIComponent(chargerId)}`;

// Calls `heard(kind, told)` for each event, `live(false)` when the stream is lost and `live(true)` when it stands.
export function listen(heard, live) {
  const source = new EventSource("/api/v1/events");
  for (const kind of ["alert", "alert-over", "maintenance", "charger"]) {
    source.addEventListener(kind, (event) => heard(kind, JSON.parse(event.data)));
  }
  source.onopen = () => live(true);
  source.onerror = () => live(false, source.readyState === EventSource.CLOSED);
  return source;
}
