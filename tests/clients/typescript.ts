// What a back end asks, by the TypeScript client: node typescript.js URL KEY BUSY_KEY SILENT_URL.
// Prints what came of each question as one JSON document. BUSY_KEY is asked with until it has to wait.
import { createEdgeAgent, EdgeAgentError, type Alert, type ChargerSummary, type EdgeAgent } from "@evzone/edge-agent";

const [url = "", key = "", busyKey = "", silentUrl = ""] = process.argv.slice(2);
const agent = createEdgeAgent({ url, key, tenantId: "tenant-1" });
const metrics = { connector_status: "CHARGING", power: 42, temperature: 35 } as const;

async function refusal(question: Promise<unknown>): Promise<unknown> {
  try {
    return { answered: await question };
  } catch (error) {
    if (!(error instanceof EdgeAgentError)) return { failed: (error as Error).name };
    const { message, status, title, detail, retryAfterS } = error;
    return { message, status, title, detail, retryAfterS };
  }
}

async function refusalWhenBusy(busy: EdgeAgent): Promise<unknown> {
  for (let asked = 0; asked < 1000; asked += 1) {
    const told = await refusal(busy.get("/api/v1/models"));
    if (!Object(told).answered) return told;
  }
  return undefined;
}

function acknowledge(alert_id: string): Promise<Alert> {
  return agent.post("/api/v1/alerts/{alert_id}/ack", { params: { path: { alert_id } }, body: { by: "AB" } });
}

async function ask(): Promise<Record<string, unknown>> {
  const failure = await agent.post("/api/v1/predictions/failure", { body: { charger_id: "CHG_009", metrics } });
  const latest = await agent.get("/api/v1/predictions/{charger_id}", { params: { path: { charger_id: "A%2FB" } } });
  const chargers = await agent.get("/api/v1/chargers");
  const alerts = await agent.get("/api/v1/alerts", { params: { query: { severity: "CRITICAL" } } });
  const acknowledged = await acknowledge("a-1");
  const calendar = await agent.get("/api/v1/maintenance", { params: { query: { format: "ics" } }, parseAs: "text" });
  return {
    failure: [failure.charger_id, failure.tenant_id, failure.failure_probability],
    latest: latest.charger_id,
    chargers: chargers.items.map((each: ChargerSummary) => each.charger_id),
    alerts: alerts.items.map((each) => [each.alert_id, each.state]),
    acknowledged: [acknowledged.state, acknowledged.acknowledged_by],
    calendar: calendar.split("\r\n", 1),
    unknownAlert: await refusal(acknowledge("a-9")),
    fault: await refusal(agent.get("/api/v1/alerts", { params: { query: { limit: 0 } } })),
    wrongKey: await refusal(createEdgeAgent({ url, key: "wrong" }).get("/api/v1/chargers")),
    busy: await refusalWhenBusy(createEdgeAgent({ url, key: busyKey })),
    silent: await refusal(createEdgeAgent({ url: silentUrl, key, timeoutMs: 200 }).get("/api/v1/chargers")),
  };
}

// Never called: what the compiler must refuse.
export async function misspelt(): Promise<void> {
  // @ts-expect-error: a path that is not there
  await agent.get("/api/v1/charger", {});
  // @ts-expect-error: a question without its body
  await agent.post("/api/v1/predictions/failure");
  // @ts-expect-error: a state that is none
  await agent.get("/api/v1/alerts", { params: { query: { state: "SEEN" } } });
  // @ts-expect-error: a member that the body does not have
  await agent.post("/api/v1/predictions/failure", { body: { charger_id: "CHG_009", metrics, power: 1 } });
  // @ts-expect-error: a member that the answer does not have
  (await agent.get("/api/v1/chargers")).chargers;
}

ask().then(
  (told) => console.log(JSON.stringify(told)),
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);
