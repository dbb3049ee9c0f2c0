/**
 * What a desktop's page asks for below `/v1`: over HTTP (desktop-service.ts), or within a browser's tab. A desktop that
 * is locked answers 423 until it is unlocked.
 */
import type { Context, Hono } from "hono";
import { DISMISSED, EXPIRED, type MenuNode } from "@stratos/dbus";
import { StratosError } from "@stratos/sdk/client";
import type { FileAccess } from "@stratos/sdk/api";
import { problemDetails, readJson, Refusal } from "@stratos/volumes/rest-input";
import type { DesktopEntry } from "../entries/desktop-entry.ts";
import type { DesktopMachine } from "../machine/desktop-machine.ts";
import { TooMany, type DesktopPrograms } from "../machine/desktop-programs.ts";
import type { GuestBus } from "../machine/guest-bus.ts";
import { readApplications, readIcon } from "../machine/guest-applications.ts";
import { readLoad } from "../machine/guest-processes.ts";
import { Trash } from "../machine/trash.ts";
import { userFiles } from "../machine/user-files.ts";
import type { DesktopState } from "./desktop-state.ts";
import { addFiles, CONTENT_MAX } from "./file-routes.ts";
import type { MachinePower } from "./machine-power.ts";
import { textOf } from "./request-text.ts";

/** Its operations. */
interface Maintenance {
  addTo(app: Hono, root: string): void;
}

export interface DesktopParts {
  /** Which of those that a machine's users have. */
  readonly number: number;
  readonly machine: DesktopMachine;
  readonly programs: DesktopPrograms;
  /** Null: programs have none, as the machine is another process's. */
  readonly bus: GuestBus | null;
  readonly state: DesktopState;
  readonly power: MachinePower;
  /** Of what this computer keeps; null: it is not this one's, or there is none. */
  readonly maintenance: Maintenance | null;
  /** The person wants to see another user's; null: there is one alone. @throws Refusal */
  readonly onSwitch: ((user: string) => void) | null;
  /** The person has ended the desktop. */
  readonly onEnd: () => void;
  readonly onDefect: (words: string) => void;
}

const LOG_BYTES = 1 << 18;
/** For what a program is asked over the bus. */
const PROGRAM_MS = 10_000;
const LOCKED = 423,
  SUSPENDED = 503;
/** What a machine that is suspended, or shut down meanwhile, still answers. */
const OF_SUSPENDED = new Set(["session", "unlock", "lock", "resume", "shutdown", "end", "layout", "settings"]);

export function addDesktopRoutes(app: Hono, parts: DesktopParts): void {
  app.onError((error, context) => failure(context, error, parts.onDefect));
  app.notFound((context) => problemDetails(context, 404, "there is nothing of this name"));
  app.use("/v1/*", async (context, next) => {
    const isOpen = ["/v1/session", "/v1/unlock", "/v1/switch"].includes(context.req.path);
    if (parts.state.isLocked && !isOpen) throw new Refusal(LOCKED, "the desktop is locked");
    const isAnswered = OF_SUSPENDED.has(context.req.path.slice("/v1/".length));
    if (parts.power.isSuspended && !isAnswered) throw new Refusal(SUSPENDED, "the machine is suspended");
    await next();
  });
  addSession(app, parts);
  addPrograms(app, parts);
  const files = userFiles(parts.machine);
  addFiles(app, files, new Trash(files, parts.machine.user.home));
  addMonitor(app, parts);
  addNotifications(app, parts.bus);
  addTray(app, parts.bus, files);
  parts.maintenance?.addTo(app, "/v1/host");
}

function addSession(app: Hono, parts: DesktopParts): void {
  const { number, machine, state, power, maintenance, onEnd, onSwitch } = parts;
  app.get("/v1/session", (context) =>
    context.json({
      name: machine.name,
      user: machine.user.name,
      number,
      otherUsers: onSwitch === null ? [] : machine.others.map(({ name }) => name),
      home: machine.user.home,
      hasDisplay: machine.session !== null,
      hasScreen: machine.screen !== null,
      keepsFiles: machine.keepsFiles,
      hasMaintenance: maintenance !== null,
      isLocked: state.isLocked,
      isSuspended: power.isSuspended,
      hasPassphrase: state.file.hasPassphrase,
      settings: state.file.settings,
    }),
  );
  app.put("/v1/settings", async (context) => {
    state.file.change(await readJson(context));
    state.settingsChanged();
    return context.json(null);
  });
  app.put("/v1/passphrase", async (context) => {
    const { passphrase, before } = await readJson(context);
    await state.mustUnlock(before);
    state.file.setPassphrase(passphrase);
    return context.json(null);
  });
  app.post("/v1/lock", (context) => {
    state.lock();
    return context.json(null);
  });
  app.post("/v1/unlock", async (context) => {
    const { passphrase } = await readJson(context, 4096);
    await state.mustUnlock(passphrase);
    state.unlock();
    return context.json(null);
  });
  app.post("/v1/switch", async (context) => {
    const user = textOf((await readJson(context, 4096))["user"], "user");
    if (onSwitch === null) throw new Refusal(409, "this desktop is of one user");
    onSwitch(user);
    return context.json(null);
  });
  app.post("/v1/end", (context) => {
    setTimeout(onEnd, 100);
    return context.json(null);
  });
  app.post("/v1/suspend", async (context) => {
    await power.suspend();
    return context.json(null);
  });
  app.post("/v1/resume", async (context) => {
    await power.resume();
    return context.json(null);
  });
  app.post("/v1/shutdown", async (context) => {
    await power.endPrograms();
    setTimeout(onEnd, 100);
    return context.json(null);
  });
  app.get("/v1/layout", (context) => context.json(state.layout));
  app.put("/v1/layout", async (context) => {
    state.layout = await readJson(context, 1 << 16);
    return context.json(null);
  });
}

function addPrograms(app: Hono, { machine, programs, state }: DesktopParts): void {
  let entries: readonly DesktopEntry[] = [];
  app.get("/v1/applications", async (context) => {
    entries = await readApplications(userFiles(machine), machine.user.home, state.file.settings.language);
    return context.json(entries);
  });
  const entryOf = (context: Context): DesktopEntry => {
    const found = entries.find(({ id }) => id === context.req.param("id"));
    if (found === undefined) throw new Refusal(404, "there is no such application");
    return found;
  };
  app.get("/v1/applications/:id/icon", async (context) => {
    const icon = await readIcon(userFiles(machine), entryOf(context));
    if (icon === null) throw new Refusal(404, "it has no icon");
    return context.body(icon.bytes as Uint8Array<ArrayBuffer>, 200, { "Content-Type": icon.type });
  });
  app.post("/v1/applications/:id/start", async (context) => {
    const { name, argv } = entryOf(context);
    const { id, pid } = await programs.launch(name, argv);
    return context.json({ id, pid }, 201);
  });
  app.post("/v1/run", async (context) => {
    const { command } = await readJson(context);
    const line = textOf(command, "command");
    const { id, pid } = await programs.launch(line, ["/bin/sh", "-c", line]);
    return context.json({ id, pid }, 201);
  });
  app.get("/v1/terminals", (context) =>
    context.json(
      [...programs.terminals.values()].filter(({ isOver }) => !isOver).map(({ id, title }) => ({ id, title })),
    ),
  );
  app.post("/v1/terminals", async (context) => {
    const { title, columns, rows, command, folder } = await readJson(context);
    const size = { columns: countOf(columns), rows: countOf(rows) };
    const argv = Array.isArray(command) ? command.map((each) => textOf(each, "command")) : undefined;
    const place = folder === undefined ? undefined : textOf(folder, "folder");
    const { id } = await programs.openTerminal(textOf(title, "title"), size, argv, place);
    return context.json({ id }, 201);
  });
  app.delete("/v1/terminals/:id", async (context) => {
    await programs.terminals.get(Number(context.req.param("id")))?.close();
    return context.json(null);
  });
}

function addMonitor(app: Hono, { machine, programs }: DesktopParts): void {
  const { box, user } = machine;
  const own = userFiles(machine);
  app.get("/v1/load", async (context) => context.json(await readLoad(box.fs, () => box.processes())));
  app.post("/v1/processes/:pid/signal", async (context) => {
    const { signal } = await readJson(context);
    const pid = Number(context.req.param("pid"));
    if (!(Number.isInteger(pid) && pid > 1)) throw new Refusal(400, "pid: a number above 1 is expected");
    if (signal !== "TERM" && signal !== "KILL") throw new Refusal(400, "signal: TERM or KILL is expected");
    const { exitCode, stderr } = await box.run(["/bin/sh", "-c", `kill -${signal} ${pid}`], { user: String(user.uid) });
    if (exitCode !== 0) throw new Refusal(409, stderr.trim() || `kill ended with status ${exitCode}`);
    return context.json(null);
  });
  const started = (): object[] =>
    programs.applications.map(({ id, title, end }) => ({ id: `program/${id}`, title, end }));
  app.get("/v1/programs", (context) => context.json({ applications: started() }));
  app.get("/v1/logs", async (context) =>
    context.json({ files: await logFiles(own, "/var/log", 3), applications: started() }),
  );
  app.get("/v1/log", async (context) => {
    const id = textOf(context.req.query("id"), "id");
    const lines = (bytes: Uint8Array): Response =>
      context.body(bytes.slice(-LOG_BYTES) as Uint8Array<ArrayBuffer>, 200, {
        "Content-Type": "text/plain; charset=utf-8",
      });
    if (id === "kernel") return lines(new TextEncoder().encode((await box.run(["dmesg"])).stdout));
    const program = /^program\/(\d+)$/.exec(id)?.[1];
    if (program !== undefined) {
      const found = programs.applications.find((each) => each.id === Number(program));
      if (found === undefined) throw new Refusal(404, "there is no such program");
      return lines(found.output.bytes());
    }
    if (!/^\/var\/log\/(?!.*\.\.)/.test(id))
      throw new Refusal(400, "id: a file of /var/log, kernel or program/N is expected");
    const { kind, sizeBytes } = await own.stat(id);
    if (kind !== "file" || sizeBytes > CONTENT_MAX) throw new Refusal(409, `${id}: cannot be shown`);
    return lines(await own.read(id));
  });
}

/** What the person does with those of programs. */
function addNotifications(app: Hono, bus: GuestBus | null): void {
  const idOf = (context: Context): number => Number(context.req.param("id"));
  const none = new Refusal(404, "there is no such notification, or it has no such action");
  app.post("/v1/notifications/:id/action", async (context) => {
    const { key } = await readJson(context);
    if (bus?.notifications.invoked(idOf(context), textOf(key, "key")) !== true) throw none;
    return context.json(null);
  });
  app.delete("/v1/notifications/:id", (context) => {
    const reason = context.req.query("expired") === undefined ? DISMISSED : EXPIRED;
    if (bus?.notifications.closed(idOf(context), reason) !== true) throw none;
    return context.json(null);
  });
}

/** Signs of programs in the panel: their pictures, their menus, and what the person does with them. */
function addTray(app: Hono, bus: GuestBus | null, files: FileAccess): void {
  const none = new Refusal(404, "there is no such sign in the panel, or it has no menu");
  const idOf = (context: Context): number => Number(context.req.param("id"));
  app.get("/v1/tray/:id/icon", async (context) => {
    const item = bus?.tray.items.find(({ id }) => id === idOf(context));
    const icon = item === undefined ? null : await readIcon(files, { icon: item.iconName }, item.iconFolder);
    if (icon === null) throw new Refusal(404, "it has no icon");
    return context.body(icon.bytes as Uint8Array<ArrayBuffer>, 200, { "Content-Type": icon.type });
  });
  app.post("/v1/tray/:id/activate", async (context) => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    if (bus?.tray.activate(idOf(context), resolve) !== true) throw none;
    return context.json({ isTaken: await withinPatience(promise, false) });
  });
  app.get("/v1/tray/:id/menu", async (context) => {
    const { promise, resolve } = Promise.withResolvers<readonly MenuNode[] | null>();
    if (bus?.tray.openMenu(idOf(context), resolve) !== true) throw none;
    return context.json({ items: (await withinPatience(promise, null)) ?? [] });
  });
  app.post("/v1/tray/:id/menu/:node", (context) => {
    const node = Number(context.req.param("node"));
    if (!Number.isInteger(node) || bus?.tray.choose(idOf(context), node) !== true) throw none;
    return context.json(null);
  });
}

/** A program that does not answer is not waited for. */
async function withinPatience<T>(answer: Promise<T>, otherwise: T): Promise<T> {
  const { promise, resolve } = Promise.withResolvers<T>();
  const timer = setTimeout(() => resolve(otherwise), PROGRAM_MS);
  try {
    return await Promise.race([answer, promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function logFiles(files: FileAccess, folder: string, depth: number): Promise<string[]> {
  const entries = await files.list(folder).catch(() => []);
  const found: string[] = [];
  for (const { name, kind } of entries.slice(0, 200)) {
    const path = `${folder}/${name}`;
    if (kind === "folder" && depth > 1) found.push(...(await logFiles(files, path, depth - 1)));
    // What is compressed, or a table of numbers, is no text.
    else if (kind === "file" && !/\.(?:gz|xz|zst|journal)$|\/(?:lastlog|wtmp|btmp|faillog)$/.test(path))
      found.push(path);
  }
  return found.sort();
}

function countOf(value: unknown): number {
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 1000) return value as number;
  throw new Refusal(400, "columns, rows: numbers from 1 to 1000 are expected");
}

const STATUSES: Readonly<Record<string, number>> = { file: 409, program: 409, option: 400, closed: 503, engine: 503 };

function failure(context: Context, error: unknown, onDefect: (words: string) => void): Response {
  if (error instanceof Refusal) return problemDetails(context, error.status, error.message);
  if (error instanceof TooMany) return problemDetails(context, 409, error.message);
  if (error instanceof StratosError) return problemDetails(context, STATUSES[error.kind] ?? 409, error.message);
  onDefect(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return problemDetails(context, 500, "internal error");
}
