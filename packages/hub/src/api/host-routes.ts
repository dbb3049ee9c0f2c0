/** Hosts, and what their workers say. */
import type { ArtefactCacheView, ClaimAnswer, HostRegistration, RunEnd, RunProof } from "@stratos/hub-api";
import {
  enableHost,
  endSession,
  findHost,
  listHosts,
  registerHost,
  removeHost,
  tellArtefactCache,
} from "../store/hosts.ts";
import { HubError } from "../store/hub-error.ts";
import { appendLog, LOG_CHUNK_BYTES_MAX } from "../store/logs.ts";
import { endRuns, releaseUnknown, renewRuns, startRuns } from "../store/move-runs.ts";
import { addArtefacts } from "../store/artefacts.ts";
import { silentRoute, type ApiRequest, type ApiRoute } from "./route.ts";
import { CLAIM, HOST_CHANGE, HOST_REGISTRATION, PROOFS, RUN_ENDS, SESSION } from "./schemas.ts";

const name = ({ parameters }: ApiRequest): string => parameters["host"]!;
/** Of a worker, for its own host. @throws HubError 403 */
export const requireHost = async (request: ApiRequest): Promise<void> => {
  await request.require(`host:serve:${name(request)}`);
  if (request.hub.certificates.settings.isRequired && request.principal.host !== name(request))
    throw new HubError(
      403,
      "certificate-needed",
      `this hub takes workers by their certificates alone: \`stratos hub ca enrol ${name(request)}\` begins one`,
    );
};
const worker = { tag: "workers", permission: "host:serve", isScoped: true, method: "post", status: 200 } as const;
const ENDS_BYTES_MAX = 16 << 20;

export const HOST_ROUTES: readonly ApiRoute[] = [
  {
    id: "listHosts",
    method: "get",
    path: "/hosts",
    tag: "hosts",
    permission: "host:read",
    summary: "Lists hosts.",
    handle: async ({ hub }) => ({ body: { items: await listHosts(hub.database), next: null } }),
  },
  {
    id: "getHost",
    method: "get",
    path: "/hosts/{host}",
    tag: "hosts",
    permission: "host:read",
    summary: "A host.",
    handle: async (request) => {
      const body = await findHost(request.hub.database, name(request));
      return { body, version: body.version };
    },
  },
  {
    id: "changeHost",
    method: "patch",
    path: "/hosts/{host}",
    tag: "hosts",
    permission: "host:change",
    takesConditions: "change",
    body: HOST_CHANGE,
    summary: "Disables a host, which then takes no more tasks, or enables it.",
    handle: async (request) => {
      const { enabled } = request.body as { enabled: boolean };
      const version = await enableHost(request.hub.database, name(request), {
        enabled,
        actor: request.principal.name,
        version: request.precondition.version,
      });
      request.hub.claims.wakeHost(name(request));
      return { body: await findHost(request.hub.database, name(request)), version };
    },
  },
  silentRoute(
    {
      id: "removeHost",
      method: "delete",
      path: "/hosts/{host}",
      tag: "hosts",
      permission: "host:change",
      takesConditions: "change",
      summary: "Forgets a host that has no runs.",
    },
    (request) =>
      removeHost(request.hub.database, name(request), {
        actor: request.principal.name,
        version: request.precondition.version,
      }),
  ),
  {
    ...worker,
    id: "registerHost",
    method: "put",
    path: "/hosts/{host}",
    body: HOST_REGISTRATION,
    summary: "A worker says what its host can do. The answer's session is what it claims by; one before is over.",
    handle: async (request) => {
      await requireHost(request);
      const session = await registerHost(
        request.hub.database,
        name(request),
        request.body as HostRegistration,
        request.principal.name,
      );
      request.hub.claims.wakeHost(name(request));
      // Hubs before this one refuse a claim that tells of a cache.
      return { body: { session, leaseSeconds: request.hub.options.leaseSeconds, hearsOfCaches: true } };
    },
  },
  {
    ...worker,
    id: "leaveHub",
    path: "/hosts/{host}/leave",
    summary: "The worker goes: what it still has is freed.",
    body: SESSION,
    answers: "nothing",
    status: 204,
    handle: async (request) => {
      await requireHost(request);
      const { session } = request.body as { session: string };
      const rows = await request.hub.database.query("select 1 from host where name = $1 and session = $2::uuid", [
        name(request),
        session,
      ]);
      if (rows.length === 0)
        throw new HubError(409, "session-replaced", `host ${name(request)} was registered again by another worker`);
      await releaseUnknown(request.hub.database, name(request), []);
      await endSession(request.hub.database, name(request), session);
      request.hub.housekeeping.nudge();
      return { status: 204 };
    },
  },
  {
    ...worker,
    id: "claimRuns",
    path: "/hosts/{host}/claim",
    body: CLAIM,
    summary: "Waits for tasks. `holding`: the runs that the worker has; others that the hub thinks it has are freed.",
    handle: async (request) => {
      await requireHost(request);
      const { session, slots, waitSeconds, start, holding, artefactCache } = request.body as {
        session: string;
        slots: number;
        waitSeconds?: number;
        start?: boolean;
        holding: number[];
        artefactCache?: ArtefactCacheView;
      };
      if (artefactCache !== undefined)
        await tellArtefactCache(request.hub.database, { name: name(request), session }, artefactCache);
      const answer: ClaimAnswer = await request.hub.claims.claim(
        {
          ...{ host: name(request), session, slots, start: start ?? false, holding },
          waitMs: (waitSeconds ?? 0) * 1_000,
          mayStill: () => request.mayStill(`host:serve:${name(request)}`),
        },
        request.signal,
      );
      return { body: answer };
    },
  },
  {
    ...worker,
    id: "startRuns",
    path: "/hosts/{host}/runs/start",
    body: PROOFS,
    summary: "Runs that were assigned have begun. One that is missing in the answer is not the worker's any more.",
    handle: async (request) => {
      await requireHost(request);
      const { runs } = request.body as { runs: RunProof[] };
      return {
        body: { started: await startRuns(request.hub.database, name(request), runs, request.hub.options.leaseSeconds) },
      };
    },
  },
  {
    ...worker,
    id: "renewRuns",
    path: "/hosts/{host}/runs/renew",
    body: PROOFS,
    summary: "Renews leases. Runs in `lost` are somebody else's: stop them.",
    handle: async (request) => {
      await requireHost(request);
      const { runs } = request.body as { runs: RunProof[] };
      return { body: await renewRuns(request.hub.database, name(request), runs, request.hub.options.leaseSeconds) };
    },
  },
  {
    ...worker,
    id: "endRuns",
    path: "/hosts/{host}/runs/end",
    body: RUN_ENDS,
    bodyBytesMax: ENDS_BYTES_MAX,
    summary:
      "Runs have ended. One that is missing in the answer was not the worker's any more, and its result is refused.",
    handle: async (request) => {
      await requireHost(request);
      const { hub } = request;
      const { runs } = request.body as { runs: RunEnd[] };
      const withArtefacts = runs.filter(({ artefacts }) => artefacts !== undefined && artefacts.length > 0);
      const ended =
        withArtefacts.length === 0
          ? await endRuns(hub.database, name(request), runs)
          : await hub.database.transaction("read committed", async (inside) => {
              const done = await endRuns(inside, name(request), runs);
              await addArtefacts(inside, done, withArtefacts);
              return done;
            });
      hub.feed.nudge();
      return { body: { ended } };
    },
  },
  {
    ...worker,
    id: "appendLog",
    method: "put",
    path: "/hosts/{host}/runs/{run}/log",
    takes: "bytes",
    bodyBytesMax: LOG_CHUNK_BYTES_MAX,
    query: { offset: { schema: { type: "integer", minimum: 0 }, description: "where in the log the body begins" } },
    summary: "Appends to a run's log. Its token goes in the header Run-Token; the same bytes may be sent again.",
    handle: async (request) => {
      await requireHost(request);
      const pieces: Uint8Array[] = [];
      for await (const piece of request.content) pieces.push(piece);
      const token = request.headers.get("run-token") ?? "";
      if (!/^[0-9a-f-]{36}$/.test(token)) throw new HubError(400, "no-token", "Run-Token: the run's token is missing");
      const end = await appendLog(request.hub.database, {
        run: Number(request.parameters["run"]),
        token,
        host: name(request),
        start: (request.query["offset"] as number | undefined) ?? 0,
        content: Buffer.concat(pieces),
      });
      request.hub.feed.nudge();
      return { body: { end } };
    },
  },
];
