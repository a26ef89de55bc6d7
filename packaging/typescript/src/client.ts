// The edge agent's REST API as two typed functions: each resolves to the answer, or rejects with the refusal.

import createClient, {
  type Client,
  type ClientPathsWithMethod,
  type MaybeOptionalInit,
  type MethodResponse,
  type ParseAs,
} from "openapi-fetch";
import type { paths, Problem } from "./schema.js";

export type * from "./schema.js";

type Api = Client<paths, "application/json">;
type Options<Path extends keyof paths, Method extends keyof paths[Path]> = MaybeOptionalInit<paths[Path], Method>;
type As<Form extends ParseAs> = { parseAs?: Form };

export type Ask<Method extends "get" | "post"> = <
  Path extends ClientPathsWithMethod<Api, Method>,
  Form extends ParseAs = "json",
>(
  path: Path,
  ...options: undefined extends Options<Path, Method>
    ? [(Options<Path, Method> & As<Form>)?]
    : [Options<Path, Method> & As<Form>]
) => Promise<MethodResponse<Api, Method, Path, { parseAs: Form }>>;

export type EdgeAgent = { get: Ask<"get">; post: Ask<"post"> };

/**
 * url: where the agent listens, such as `https://gateway:8080`. key: what `edge-agent keys add` has shown.
 * tenantId: echoed as `tenant_id`. timeoutMs: for a request and its whole answer; 10,000 unless told.
 */
export type EdgeAgentOptions = { url: string; key: string; tenantId?: string | undefined; timeoutMs?: number };

/**
 * A refusal (RFC 9457). Where no answer comes, `fetch` rejects with its own: TypeError, or TimeoutError by name.
 *
 * detail: a sentence, or the faults of the question (422). retryAfterS: seconds, where the agent asks for patience.
 * body: as it came; a proxy's page or the health of an unhealthy agent (503) is no problem document.
 */
export class EdgeAgentError extends Error {
  override readonly name = "EdgeAgentError";
  readonly status: number;
  readonly title: string;
  readonly detail: Problem["detail"];
  readonly retryAfterS: number | undefined;

  constructor(response: Response, readonly body: unknown) {
    const { title = response.statusText, detail = "" } = Object(body) as Partial<Problem>;
    const faults = Array.isArray(detail) ? detail.map((fault) => `${fault.loc.join(".")}: ${fault.msg}`) : [detail];
    super([`${response.status} ${title}`, ...faults].filter(Boolean).join("; "));
    this.status = response.status;
    this.title = title;
    this.detail = detail;
    this.retryAfterS = Number(response.headers.get("retry-after")) || undefined;
  }
}

export function createEdgeAgent({ url, key, tenantId, timeoutMs = 10_000 }: EdgeAgentOptions): EdgeAgent {
  const api: Api = createClient({
    baseUrl: url,
    headers: { "X-API-Key": key, "X-Tenant-ID": tenantId },
    redirect: "error", // the key is for this address alone
    fetch: (request) =>
      fetch(request, { signal: AbortSignal.any([request.signal, AbortSignal.timeout(timeoutMs)]) }),
  });
  const ask = (method: "get" | "post") => async (path: never, options: never) => {
    const { data, error, response } = await api.request(method, path, options);
    if (!response.ok) throw new EdgeAgentError(response, error);
    return data;
  };
  return { get: ask("get"), post: ask("post") } as EdgeAgent;
}
