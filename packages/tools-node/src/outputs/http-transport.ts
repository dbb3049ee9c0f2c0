/** HTTP for a registry's client, with kept connections; proxies come from the environment as for downloads. */
import * as http from "node:http";
import * as https from "node:https";
import { RegistryError, type HttpRequest, type HttpResponse } from "@stratos/outputs";
import { describeFailure } from "@stratos/host-node/files";

const IDLE_TIMEOUT_MS = 60_000;

export class NodeHttpTransport {
  readonly #agents: { http: http.Agent; https: https.Agent };
  readonly #environment: NodeJS.ProcessEnv;

  constructor(environment: NodeJS.ProcessEnv = process.env) {
    this.#environment = environment;
    const options = { keepAlive: true, maxSockets: 4, proxyEnv: environment };
    this.#agents = { http: new http.Agent(options), https: new https.Agent(options) };
  }

  readonly send = (request: HttpRequest): Promise<HttpResponse> =>
    new Promise((resolve, reject) => {
      const url = new URL(request.url);
      const isSecure = url.protocol === "https:";
      const headers: http.OutgoingHttpHeaders = { "user-agent": "stratos", ...request.headers };
      if (request.body !== undefined) headers["content-length"] = request.body.length;
      const call = (isSecure ? https : http).request(url, {
        method: request.method,
        agent: isSecure ? this.#agents.https : this.#agents.http,
        headers,
        timeout: IDLE_TIMEOUT_MS,
      });
      call.on("response", (response) => {
        const fields: Record<string, string | undefined> = {};
        for (const [name, value] of Object.entries(response.headers))
          fields[name] = Array.isArray(value) ? value.join(", ") : value;
        resolve({ status: response.statusCode ?? 0, headers: fields, body: response });
      });
      call.on("timeout", () => call.destroy(new Error(`nothing came for ${IDLE_TIMEOUT_MS / 1000} s`)));
      call.on("error", (cause) =>
        reject(new RegistryError(`${url.host}: ${describeFailure(cause, this.#environment)}`)),
      );
      call.end(request.body);
    });

  /** Closes kept connections, so that the process can end. */
  close(): void {
    this.#agents.http.destroy();
    this.#agents.https.destroy();
  }
}
