// The technician's page: who is signed in, which view is shown, and whether it is live.

import { Alerts } from "./alerts.js";
import { get, post } from "./api.js";
import { Charger } from "./charger.js";
import { Gateway } from "./gateway.js";
import { Maintenance } from "./maintenance.js";
import { Overview } from "./overview.js";
import { nameOf } from "./parts.js";
import { labelOf, useSite } from "./site.js";
import { text } from "./text.js";
import { html, render, useEffect, useRef, useState } from "./vendor.js";

function placeOf(hash) {
  const [view = "", id = "", connector = ""] = hash.replace(/^#\/?/, "").split("/");
  if (view === "chargers" && id) return { view, chargerId: decodeURIComponent(id), connectorId: Number(connector) || 0 };
  return { view: ["alerts", "maintenance", "gateway"].includes(view) ? view : "overview" };
}

function usePlace() {
  const [place, setPlace] = useState(() => placeOf(location.hash));
  useEffect(() => {
    const moved = () => setPlace(placeOf(location.hash));
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return place;
}

const ADDRESSES = { overview: "#/", alerts: "#/alerts", maintenance: "#/maintenance", gateway: "#/gateway" };

function Navigation({ view, count }) {
  return html`
    <nav aria-label=${text.site}>
      ${Object.entries(ADDRESSES).map(
        ([name, address]) => html`
          <a key=${name} href=${address} aria-current=${view === name ? "page" : null}>
            ${text.nav[name]}${name === "alerts" && count > 0 ? html` <span class="count">${count}</span>` : ""}
          </a>
        `,
      )}
    </nav>
  `;
}

function View({ place, site, session, tell, signOut }) {
  const shared = { site, tell, role: session.role };
  if (place.view === "alerts") return html`<${Alerts} ...${shared} />`;
  if (place.view === "maintenance") return html`<${Maintenance} ...${shared} />`;
  if (place.view === "gateway") return html`<${Gateway} session=${session} signOut=${signOut} />`;
  if (place.view === "chargers") return html`<${Charger} key=${location.hash} ...${shared} ...${place} />`;
  return html`<${Overview} site=${site} />`;
}

function Site({ session, signedOut }) {
  const [site, tell] = useSite(signedOut);
  const place = usePlace();
  const main = useRef();
  const first = useRef(true);
  // Who moves by keyboard or screen reader begins at the new view's title.
  useEffect(() => {
    if (!first.current) main.current.querySelector("h1")?.focus();
    first.current = false;
    scrollTo(0, 0);
  }, [place]);
  const signOut = async () => {
    await post("session/end");
    signedOut();
  };
  const news = site.fresh.map((alert) =>
    text.alerts.announce(nameOf(alert.charger_id, alert.connector_id, labelOf(site, alert.charger_id)), alert.message),
  );
  return html`
    <a class="skip" href="#main" onClick=${(event) => (event.preventDefault(), main.current.querySelector("h1").focus())}>${text.skip}</a>
    <header>
      <${Navigation} view=${place.view} count=${site.alerts.length} />
      ${site.live && html`<p class="live">${text.live}</p>`}
    </header>
    <div role="alert">${site.chargers && !site.live && html`<p class="banner">${text.notLive}</p>`}</div>
    <p class="unseen" role="status">${news.join(" ")}</p>
    <main id="main" ref=${main}>
      ${site.chargers
        ? html`<${View} ...${{ place, site, session, tell, signOut }} />`
        : html`<h1 tabindex="-1">${text.site}</h1><p class="quiet">${text.loading}</p>`}
    </main>
  `;
}

function SignIn({ over, signedIn }) {
  const [fault, setFault] = useState(over ? text.signIn.over : "");
  const submit = async (event) => {
    event.preventDefault();
    try {
      signedIn(await post("session", { key: new FormData(event.target).get("key").trim() }));
    } catch (error) {
      setFault(error.status ? error.message : text.form.unreachable);
    }
  };
  return html`
    <main>
      <form class="card sign-in" onSubmit=${submit}>
        <h1>${text.signIn.title}</h1>
        <p id="hint">${text.signIn.hint}</p>
        <label>
          ${text.signIn.key}
          <input name="key" type="password" autocomplete="current-password" autocapitalize="none" spellcheck=${false} required aria-describedby="hint" />
        </label>
        <p class="fault" role="alert">${fault}</p>
        <button>${text.signIn.button}</button>
      </form>
    </main>
  `;
}

// A key may be handed over behind the "#", which no server sees; it leaves the address bar at once.
async function begin() {
  const handed = new URLSearchParams(location.hash.slice(1)).get("key");
  if (!handed) return get("session");
  history.replaceState(null, "", location.pathname);
  return post("session", { key: handed });
}

function App() {
  const [session, setSession] = useState({ asked: false });
  useEffect(() => {
    begin().then(setSession, () => setSession({ asked: true }));
  }, []);
  if (session.role) return html`<${Site} session=${session} signedOut=${() => setSession({ asked: true, over: true })} />`;
  if (session.asked) return html`<${SignIn} over=${session.over} signedIn=${setSession} />`;
  return html`<main><p class="quiet">${text.loading}</p></main>`;
}

document.title = text.site;
const root = document.getElementById("root");
root.replaceChildren();
render(html`<${App} />`, root);
