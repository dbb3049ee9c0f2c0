/** The operations of the console's REST service: what the commands on named systems do, by the same calls. */
import type { ForkIdentity, ProgramEnd, SessionView, SystemSpec, SystemView } from "@stratos/sdk/api";
import { StratosError } from "@stratos/sdk/client";
import type { SupervisorClient, SupervisorOperations } from "@stratos/sdk/systems";
import { lastLines } from "@stratos/supervisor/last-lines";
import type { ApiAbout, RestOperation } from "@stratos/volumes/serve";
import type { ConsoleRequest, ConsoleRoute } from "./console-route.ts";
import * as schemas from "./schemas.ts";

export const CONSOLE_API: ApiAbout = {
  root: "/v1",
  title: "Stratos systems",
  description: "Named systems, images and volumes of the user who serves them.",
  token:
    "What is in serve.token of $STRATOS_HOME, or in the file that --token-file names. A service on a Unix socket " +
    "(--socket) asks for none. /healthz, /readyz and /v1/openapi.json need none. Keys of others than the owner " +
    "(`stratos serve key add`) may do what their role may: x-role tells which an operation needs.",
};

/** What a system gets that is not told more of. */
export interface SystemDefaults {
  readonly image: () => string;
  readonly memoryBytes: () => number;
}

interface SystemParts {
  /** A connection of this request alone: what it has begun ends with it. */
  readonly client: SupervisorClient;
  readonly defaults: SystemDefaults;
  /** Of the path; empty where it names none. */
  readonly name: string;
}

type SystemRequest = ConsoleRequest & SystemParts;
type SystemRoute = ConsoleRoute<SystemParts>;

/** Of each stream of a program of `exec`; the rest is left out. */
const OUTPUT_MAX = 1 << 20;
const TERMINAL = { columns: 80, rows: 24 };
const TERM = { TERM: "xterm-256color" };

/** A route that changes a system and has nothing to say of it. */
function change<Op extends keyof SupervisorOperations>(
  method: "post" | "delete",
  path: string,
  [id, summary]: readonly [string, string],
  op: Op,
  request: (asked: SystemRequest) => SupervisorOperations[Op],
  body?: RestOperation["body"],
): SystemRoute {
  return {
    role: "operator",
    method,
    path: `/systems/{system}${path}`,
    id,
    summary,
    ...(body === undefined ? {} : { body }),
    answer: { type: "null" },
    handle: async (asked) => {
      await asked.client.call(op, request(asked)).answer;
      return null;
    },
  };
}

const named = ({ name }: SystemRequest): { name: string } => ({ name });

export const SYSTEM_ROUTES: readonly SystemRoute[] = [
  {
    method: "get",
    path: "/systems",
    role: "viewer",
    id: "listSystems",
    summary: "List the named systems.",
    answer: schemas.list(schemas.SYSTEM),
    handle: ({ client }) => views(client),
  },
  {
    method: "post",
    path: "/systems",
    role: "administrator",
    id: "createSystem",
    summary: "Make a system and start it: `run -d`.",
    body: schemas.CREATE,
    answer: schemas.SYSTEM,
    status: 201,
    handle: async ({ client, body, defaults }) =>
      (await client.call("start-system", { name: body["name"] as string, spec: specOf(body, defaults) }).answer).value,
  },
  {
    method: "get",
    path: "/systems/{system}",
    role: "viewer",
    id: "getSystem",
    summary: "Show a system.",
    answer: schemas.SYSTEM,
    handle: async ({ client, name }) => {
      const view = (await views(client)).find((each) => each.name === name);
      if (view === undefined) throw new StratosError("no-system", `${name}: no such system`, { system: name });
      return view;
    },
  },
  {
    ...change(
      "delete",
      "",
      ["removeSystem", "Remove a system and all that is kept of it: `rm`."],
      "remove-system",
      (asked) => ({
        ...named(asked),
        isForced: asked.query["force"] === true,
      }),
    ),
    role: "administrator",
    query: { force: { schema: schemas.flag("end it first"), description: "end one that runs" } },
  },
  change("post", "/start", ["startSystem", "Start a system that has ended anew."], "restart-system", named),
  change(
    "post",
    "/stop",
    ["stopSystem", "End a system: a signal, and SIGKILL when that has not helped."],
    "stop-system",
    (asked) => ({
      ...named(asked),
      signal: (asked.body["signal"] as string | undefined) ?? "SIGTERM",
      graceMs: ((asked.body["graceSeconds"] as number | undefined) ?? 10) * 1000,
    }),
    schemas.STOP,
  ),
  change(
    "post",
    "/kill",
    ["killSystem", "Send a signal to a system's program."],
    "kill-system",
    (asked) => ({ ...named(asked), signal: asked.body["signal"] as string }),
    schemas.SIGNAL,
  ),
  change("post", "/pause", ["pauseSystem", "Let nothing run in a system."], "pause-system", named),
  change("post", "/unpause", ["unpauseSystem", "Let a paused system go on."], "unpause-system", named),
  {
    ...change(
      "post",
      "/rename",
      ["renameSystem", "Give a system another name."],
      "rename-system",
      (asked) => ({ ...named(asked), to: asked.body["name"] as string }),
      schemas.RENAME,
    ),
    role: "administrator",
  },
  {
    method: "post",
    path: "/systems/{system}/exec",
    role: "operator",
    id: "execInSystem",
    summary: "Run a further program in a system, and wait for it. It ends with the request.",
    body: schemas.EXEC,
    answer: schemas.EXECUTED,
    handle: exec,
  },
  {
    method: "get",
    path: "/systems/{system}/logs",
    role: "viewer",
    id: "getLogs",
    summary: "Show what a system's program has written, standard output and errors.",
    query: { tail: { schema: schemas.count("lines"), description: "only so many of the last lines" } },
    answer: "bytes",
    handle: logs,
  },
  change(
    "post",
    "/snapshots",
    ["takeSnapshot", "Keep a system as it is under a label."],
    "snapshot-system",
    (asked) => ({ ...named(asked), label: asked.body["label"] as string }),
    schemas.LABEL,
  ),
  {
    ...change("delete", "/snapshots/{label}", ["removeSnapshot", "Remove a snapshot."], "remove-snapshot", (asked) => ({
      ...named(asked),
      label: asked.parameters["label"]!,
    })),
    role: "administrator",
  },
  change(
    "post",
    "/rollback",
    ["rollBackSystem", "Bring a system back to a snapshot."],
    "rollback-system",
    (asked) => ({ ...named(asked), label: asked.body["label"] as string }),
    schemas.LABEL,
  ),
  {
    method: "post",
    path: "/systems/{system}/fork",
    role: "administrator",
    id: "forkSystem",
    summary: "Make further systems that go on from where one is.",
    body: schemas.FORK,
    answer: schemas.list(schemas.SYSTEM),
    status: 201,
    handle: async ({ client, name, body }) =>
      (
        await client.call("fork-system", {
          name,
          count: body["count"] as number,
          identity: (body["identity"] as ForkIdentity | undefined) ?? "fresh",
          prefix: (body["name"] as string | undefined) ?? name,
        }).answer
      ).value,
  },
  {
    method: "post",
    path: "/systems/{system}/sessions",
    role: "operator",
    id: "openSession",
    summary: "Start a further program on a terminal of its own, which outlives those who watch it.",
    body: schemas.OPEN_SESSION,
    answer: schemas.SESSION,
    status: 201,
    handle: async ({ client, name, body }) => {
      const { command, env, cwd, user, size } = body as unknown as Pick<
        SupervisorOperations["open-session"],
        "command" | "env" | "cwd" | "user"
      > & { readonly size?: typeof TERMINAL };
      const { value } = await client.call("open-session", {
        name,
        command,
        env: { ...TERM, ...env },
        cwd,
        user,
        hasInput: true,
        tty: size ?? TERMINAL,
      }).answer;
      return { session: (value as SessionView).name };
    },
  },
  change(
    "post",
    "/sessions/{session}/kill",
    ["killSession", "Send a signal to a session's program; SIGHUP is a terminal's end."],
    "kill-system",
    (asked) => ({
      ...named(asked),
      session: asked.parameters["session"]!,
      signal: asked.body["signal"] as string,
    }),
    schemas.SIGNAL,
  ),
  {
    method: "get",
    path: "/systems/{system}/usage",
    role: "viewer",
    id: "getUsage",
    summary: "Show what a running system uses: memory, what it has changed, time and instructions.",
    answer: schemas.USAGE,
    handle: async ({ client, name }) => {
      const target = (await client.call("open-system", { name }).answer).value as number;
      return (await client.call("stats", { target }).answer).value;
    },
  },
];

async function views(client: SupervisorClient): Promise<readonly SystemView[]> {
  return (await client.call("systems", {}).answer).value as readonly SystemView[];
}

function specOf(body: SystemRequest["body"], defaults: SystemDefaults): SystemSpec {
  const asked = body as Partial<SystemSpec> & {
    readonly tty?: boolean;
    readonly transient?: boolean;
    readonly display?: boolean;
    readonly checkpointEverySeconds?: number;
  };
  const hasTerminal = asked.tty !== false;
  return {
    image: asked.image ?? defaults.image(),
    command: asked.command!,
    env: { ...(hasTerminal ? TERM : {}), ...asked.env },
    cwd: asked.cwd ?? "/",
    user: asked.user ?? "root",
    tty: hasTerminal ? TERMINAL : null,
    hasInput: hasTerminal,
    network: asked.network ?? "none",
    ports: asked.ports ?? [],
    mounts: asked.mounts ?? [],
    memoryBytes: asked.memoryBytes ?? defaults.memoryBytes(),
    harts: 1,
    seed: null,
    hostname: null,
    isTransient: asked.transient === true,
    ...(asked.display === true ? { display: true } : {}),
    checkpointEveryMs: asked.checkpointEverySeconds === undefined ? null : asked.checkpointEverySeconds * 1000,
  };
}

async function exec({ client, name, body }: SystemRequest): Promise<unknown> {
  const { command, env, cwd, user, input, timeoutSeconds } = body as {
    readonly command: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
    readonly cwd?: string;
    readonly user?: string;
    readonly input?: string;
    readonly timeoutSeconds?: number;
  };
  const target = (await client.call("open-system", { name }).answer).value as number;
  const written = { 1: [] as Uint8Array[], 2: [] as Uint8Array[] };
  const left = { 1: OUTPUT_MAX, 2: OUTPUT_MAX };
  let isCut = false;
  const { call, answer } = client.call(
    "run",
    {
      target,
      command,
      env: env ?? {},
      cwd,
      user,
      hasInput: input !== undefined,
      ...(timeoutSeconds === undefined ? {} : { timeoutMs: timeoutSeconds * 1000 }),
    },
    {
      onOutput: (stream, bytes) => {
        const kept = bytes.slice(0, left[stream]);
        left[stream] -= kept.length;
        isCut ||= kept.length < bytes.length;
        written[stream].push(kept);
        client.send({ call, taken: bytes.length, stream });
      },
    },
  );
  if (input !== undefined) {
    client.send({ call, input: "bytes" }, new TextEncoder().encode(input));
    client.send({ call, input: "end" });
  }
  const { exitCode, signal } = (await answer).value as ProgramEnd;
  const textOf = (stream: 1 | 2): string => Buffer.concat(written[stream]).toString("utf8");
  return { exitCode, signal, stdout: textOf(1), stderr: textOf(2), isCut };
}

async function logs({ client, name, query }: SystemRequest): Promise<Uint8Array> {
  const kept: { readonly bytes: Uint8Array }[] = [];
  const { call, answer } = client.call(
    "log-of-system",
    { name, isFollowed: false },
    {
      onOutput: (stream, bytes) => {
        kept.push({ bytes: bytes.slice() });
        client.send({ call, taken: bytes.length, stream });
      },
    },
  );
  await answer;
  const tail = query["tail"] as number | undefined;
  return Buffer.concat((tail === undefined ? kept : lastLines(kept, tail)).map(({ bytes }) => bytes));
}
