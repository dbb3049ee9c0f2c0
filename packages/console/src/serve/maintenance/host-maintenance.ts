/**
 * Maintenance of the host for a service that offers nothing else of it: what the panels' model asks for, and of
 * commands those alone that the model offers now. Who may ask is the service's to say.
 */
import type { Context, Hono } from "hono";
import { maintenanceCommands, maintenanceFacts } from "@stratos/panels/systems";
import { OWNER, readJson, readQuery, Refusal } from "@stratos/volumes/serve";

import { hostParts } from "../console-server.ts";
import type { ConsoleRequest } from "../console-route.ts";
import { HOST_ROUTES, type HostParts } from "../host-routes.ts";

const COMMAND_MAX = 4096;
const OFFERED = new Set([
  ...["getDiskUse", "listImages", "listVolumes", "getReport"],
  ...["listJobs", "startJob", "getJobLog", "cancelJob", "removeJob"],
]);

export class HostMaintenance {
  readonly #host: HostParts;

  constructor(options: Parameters<typeof hostParts>[0]) {
    this.#host = hostParts(options);
  }

  /** @param root  of its paths */
  addTo(app: Hono, root: string): void {
    for (const route of HOST_ROUTES) {
      if (!OFFERED.has(route.id)) continue;
      app.on(route.method.toUpperCase(), root + route.path.replace(/\{(\w+)\}/g, ":$1"), async (context) => {
        const request = requestOf(context, readQuery(context, route));
        if (route.id !== "startJob")
          return this.#answer(context, route, await route.handle({ ...request, ...this.#host }));
        const command = await this.#offered(await readJson(context, COMMAND_MAX), request);
        const job = await route.handle({ ...request, body: { command }, ...this.#host });
        return this.#answer(context, route, job, command.join(" "));
      });
    }
  }

  /** Ends the jobs that it has started. */
  async close(): Promise<void> {
    await Promise.all([this.#host.jobs.close(), this.#host.commands.close()]);
  }

  /** @throws Refusal */
  async #offered({ command }: Readonly<Record<string, unknown>>, request: ConsoleRequest): Promise<readonly string[]> {
    const facts = await maintenanceFacts(async (method, path) => {
      const route = HOST_ROUTES.find((each) => each.method === method.toLowerCase() && each.path === path);
      return (await route!.handle({ ...request, ...this.#host })) as never;
    });
    const wanted = JSON.stringify(command);
    const found = maintenanceCommands(facts).find((each) => JSON.stringify(each) === wanted);
    if (found === undefined) throw new Refusal(400, "this is no command of what is maintained here");
    return found;
  }

  #answer(
    context: Context,
    { answer, status = 200, id, method }: (typeof HOST_ROUTES)[number],
    result: unknown,
    target = Object.values(context.req.param()).join(" "),
  ): Response {
    const { name, role } = OWNER;
    if (method !== "get") this.#host.audit.add({ name, role, operation: id, target, status });
    if (answer !== "bytes") return context.json(result as object | null, status as 200);
    return context.body(result as Uint8Array<ArrayBuffer>, 200, { "Content-Type": "text/plain; charset=utf-8" });
  }
}

function requestOf(context: Context, query: ConsoleRequest["query"]): ConsoleRequest {
  const parameters = context.req.param() as Record<string, string>;
  return { identity: { ...OWNER, session: null }, parameters, query, body: {}, signal: context.req.raw.signal };
}
