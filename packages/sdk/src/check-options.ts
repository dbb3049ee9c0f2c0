/**
 * Options as callers give them, checked where they come in: a name that means nothing is refused with the one that was
 * meant, a value of another type by the option's name. How large a number may be, and what fits to what, is looked at
 * where it is used. Each table has all names of its interface, or does not type-check.
 */
import { closestName, slipsOfWord } from "@stratos/base";
import {
  type BoardOptions,
  type ConnectOptions,
  type ForkOptions,
  type HomeOptions,
  type ImageSource,
  type Mount,
  type NetOptions,
  type NetRule,
  type NetSecret,
  type OpenImageOptions,
  type OpenRecordingOptions,
  type OpenVolumeOptions,
  type PortMapping,
  type ProgramOptions,
  type RecordingPosition,
  type ResumeOptions,
  type RunOptions,
  type SandboxEvents,
  type SandboxLimits,
  type SandboxOptions,
  type SeekOptions,
  type SignalOption,
  type SpawnOptions,
  type StopOptions,
  StratosError,
  type TerminalSize,
} from "./api.ts";

/** @throws StratosError of kind option */
type Check = (value: unknown, name: string) => void;
type Table<Options> = { readonly [Name in keyof Required<Options>]: Check };

/**
 * @param checks  of each option that there is; an absent one, and one that is `undefined`, is right
 * @param within  names what holds them: `limits.`
 * @throws StratosError of kind option
 */
export function checkOptions<Options>(given: unknown, checks: Table<Options>, within = ""): void {
  if (!isRecord(given)) throw wrong(within === "" ? "options" : within.slice(0, -1), "an object is expected");
  const names = Object.keys(checks);
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(checks, name)) throw unknownName(`${within}${name}`, name, names);
    if (value !== undefined) checks[name as keyof Options](value, `${within}${name}`);
  }
}

function unknownName(path: string, name: string, names: readonly string[], kind = "option"): StratosError<"option"> {
  const meant =
    names.find((each) => each.toLowerCase() === name.toLowerCase()) ?? closestName(name, names, slipsOfWord);
  const hint = meant === undefined ? `there are ${names.join(", ")}` : `did you mean ${meant}?`;
  return wrong(path, `there is no such ${kind}; ${hint}`);
}

function wrong(option: string, why: string): StratosError<"option"> {
  return new StratosError("option", `${option}: ${why}`, { option });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

/** @param expected  completes "… is expected" */
function that(expected: string, holds: (value: unknown) => boolean): Check {
  return (value, name) => {
    if (!holds(value)) throw wrong(name, `${expected} is expected`);
  };
}

const any = (): void => {};
const text = that("text", (value) => typeof value === "string");
const filled = that("text that is not empty", (value) => typeof value === "string" && value !== "");
const flag = that("true or false", (value) => typeof value === "boolean");
const number = that("a number", (value) => typeof value === "number" && !Number.isNaN(value));
const size = that("0 or more", (value) => typeof value === "number" && value >= 0);
const port = that("1 to 65535", (value) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 0xffff);
const act = that("a function", (value) => typeof value === "function");
const mode = that("0 to 0o7777", (value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 0o7777);
const bytes = that("a Uint8Array", (value) => value instanceof Uint8Array);
const content = that("text or a Uint8Array", (value) => typeof value === "string" || value instanceof Uint8Array);
const abortSignal = that("an AbortSignal", (value) => isRecord(value) && typeof value["aborted"] === "boolean");
const environment: Check = (value, name) => {
  if (!isRecord(value)) throw wrong(name, "an object of texts is expected");
  for (const [variable, each] of Object.entries(value)) {
    if (variable === "" || /[=\0]/.test(variable))
      throw wrong(name, `${JSON.stringify(variable)} is no name of a variable`);
    text(each, `${name}.${variable}`);
    if ((each as string).includes("\0")) throw wrong(`${name}.${variable}`, "text without NUL is expected");
  }
};
const input = that(
  "text, a Uint8Array or an async iterable of these",
  (value) =>
    typeof value === "string" ||
    value instanceof Uint8Array ||
    (typeof value === "object" && value !== null && Symbol.asyncIterator in value),
);
/** Of a page's files, too. */
const place = that(
  "text that is not empty",
  (value) => (typeof value === "string" && value !== "") || (typeof value === "object" && value !== null),
);
const volumes = that("an object of volumes (openVolume), each by its place,", (value) => {
  const isVolume = (each: unknown): boolean => isRecord(each) && ("handOver" in each || "then" in each);
  return isRecord(value) && Object.values(value).every(isVolume);
});
const board = that("a board (Board.create)", (value) => isRecord(value) && "handle" in value);

function listOf(check: Check): Check {
  return (value, name) => {
    if (!Array.isArray(value)) throw wrong(name, "a list is expected");
    for (const [index, each] of value.entries()) check(each, `${name}[${index}]`);
  };
}

function objectOf<Options>(checks: Table<Options>): Check {
  return (value, name) => checkOptions(value, checks, `${name}.`);
}

/** Of names that must be there. */
function wholeOf<Options>(checks: Table<Options>, ...needed: (keyof Options & string)[]): Check {
  return (value, name) => {
    checkOptions(value, checks, `${name}.`);
    for (const each of needed) if ((value as Options)[each] === undefined) throw wrong(`${name}.${each}`, "is missing");
  };
}

const HOME: Table<HomeOptions> = { home: filled };
const SIGNAL: Table<SignalOption> = { signal: abortSignal };
const SOURCE: Table<ImageSource> = {
  ...{ reference: filled, plainHttp: flag, packages: listOf(filled), suite: filled, mirror: filled },
};
const PROGRAM: Table<ProgramOptions> = { env: environment, cwd: filled, user: filled };
/** Nothing stands in the place of the root, or is not where it says. */
const mountPoint = that(
  "an absolute path below /, without . and ..,",
  (value) => typeof value === "string" && /^\/+[^/\0]/.test(value) && !/\/\.\.?(\/|$)|\0/.test(value),
);
const MOUNTS = listOf(wholeOf<Mount>({ host: filled, guest: mountPoint, readOnly: flag }, "host", "guest"));
const PORTS = listOf(
  wholeOf<PortMapping>(
    {
      host: port,
      guest: port,
      protocol: that('"tcp" or "udp"', (value) => value === "tcp" || value === "udp"),
      address: filled,
    },
    "host",
    "guest",
  ),
);
const LIMITS: Table<SandboxLimits> = { processes: number, diskBytes: number, cpuMs: number, outputBytes: number };
const RULE: Table<NetRule> = { allow: filled, deny: filled, ports: listOf(any), protocol: text };
const RULES = listOf(objectOf(RULE));
const POLICY: Check = (value, name) => {
  if (typeof value !== "string") RULES(value, name);
};
const SECRET = wholeOf<NetSecret>({ value: filled, hosts: listOf(filled) }, "value", "hosts");
const NET: Table<NetOptions> = {
  policy: POLICY,
  ca: (value, name) => (Array.isArray(value) ? listOf(filled)(value, name) : filled(value, name)),
  secrets: (value, name) => {
    if (!isRecord(value)) throw wrong(name, "an object of secrets, each by its name, is expected");
    for (const [each, secret] of Object.entries(value)) {
      if (!/^[A-Za-z_]\w*$/.test(each)) throw wrong(name, `${each}: a name of a variable is expected`);
      SECRET(secret, `${name}.${each}`);
    }
  },
};
const TERMINAL: Table<TerminalSize> = { columns: number, rows: number };

export const OPEN_IMAGE: Table<OpenImageOptions> = {
  ...{ ...HOME, ...SIGNAL, onProgress: act },
  pull: (value, name) => {
    if (typeof value === "boolean") return;
    if (!isRecord(value)) throw wrong(name, "true, false or an object is expected");
    checkOptions(value, SOURCE, `${name}.`);
  },
};
export const OPEN_VOLUME: Table<OpenVolumeOptions> = { ...SIGNAL, readOnly: flag, passphrase: text };
export const OPEN_RECORDING: Table<OpenRecordingOptions> = { ...HOME, ...SIGNAL, image: place };
export const SANDBOX: Table<SandboxOptions> = {
  ...{ ...OPEN_IMAGE, ...PROGRAM, image: place, volumes, state: bytes, board, isolation: text, codeCache: flag },
  ...{
    spare: flag,
    keepsPrograms: flag,
    record: place,
    name: text,
    checkpointEveryMs: number,
    display: flag,
    memoryBytes: number,
    harts: number,
    seed: number,
    hostname: that(
      "1 to 64 letters, digits, dots, dashes and underscores",
      (value) => typeof value === "string" && /^[A-Za-z0-9._-]{1,64}$/.test(value),
    ),
  },
  ...{ limits: objectOf(LIMITS), timeoutMs: number, onTimeout: text, network: text },
  ...{ net: objectOf(NET), ports: PORTS, mounts: MOUNTS },
};
export const CONNECT: Table<ConnectOptions> = { ...HOME, ...PROGRAM };
export const RESUME: Table<ResumeOptions> = {
  ...{ ...CONNECT, name: text, mounts: MOUNTS, network: text, ports: PORTS, identity: text, isolation: text },
  ...{ net: objectOf(NET), limits: objectOf(LIMITS), timeoutMs: number, onTimeout: text, keepsPrograms: flag },
};
export const REMOVE: Table<HomeOptions & { force: boolean }> = { ...HOME, force: flag };
export const LIST: Table<HomeOptions> = HOME;
export const BOARD: Table<BoardOptions> = {
  ...{ ...HOME, ...SIGNAL, isolation: text, memoryBytes: number, codeCache: flag },
};
export const SPAWN: Table<SpawnOptions> = {
  ...{ ...PROGRAM, ...SIGNAL, timeoutMs: number, stdin: input, tty: wholeOf(TERMINAL, "columns", "rows") },
  detach: flag,
};
export const RUN: Table<RunOptions> = {
  ...{ ...PROGRAM, ...SIGNAL, timeoutMs: number, stdin: input },
  ...{ onStdout: act, onStderr: act, maxOutputBytes: size, check: flag },
};
export const FORK: Table<ForkOptions> = { ...SIGNAL, count: number, identity: text, keepsPrograms: flag, name: text };
export const STOP: Table<StopOptions> = { signal: text, graceMs: number };
export const FILE: Table<SignalOption> = SIGNAL;
export const SEEK: Table<SeekOptions> = { ...SIGNAL, timeoutMs: number };
export const NEW_FILE: Table<SignalOption & { mode: number }> = { ...SIGNAL, mode };
export const NEW_FOLDER: Table<SignalOption & { parents: boolean; mode: number }> = { ...NEW_FILE, parents: flag };
export const TREE: Table<SignalOption & { recursive: boolean }> = { ...SIGNAL, recursive: flag };

const ID_MAX = 0xfffffffe;
const GROUPS_MAX = 65_536;

/** @throws StratosError of kind option */
export function checkFileUser(user: unknown): void {
  const { uid, gid, groups = [] } = isRecord(user) ? user : {};
  const isId = (id: unknown): boolean => Number.isInteger(id) && (id as number) >= 0 && (id as number) <= ID_MAX;
  const areGroups = Array.isArray(groups) && groups.length <= GROUPS_MAX && groups.every(isId);
  if (!isId(uid) || !isId(gid) || !areGroups) throw wrong("user", "numbers of a user and of groups are expected");
}

/** @throws StratosError of kind option */
export function checkCommand(command: unknown): void {
  if (typeof command === "string") return;
  if (!Array.isArray(command)) throw wrong("command", "a line, or a list of the program and its arguments is expected");
  listOf(text)(command, "command");
}

const EVENTS: Table<SandboxEvents> = {
  ...{ "process-start": act, "process-exit": act, "port": act, "denied": act, "limit": act, "lost": act },
};

/** @throws StratosError of kind option */
export function checkEvent(name: string, listener: unknown): void {
  if (!Object.hasOwn(EVENTS, name)) throw unknownName(name, name, Object.keys(EVENTS), "event");
  act(listener, name);
}

/** @throws StratosError of kind option */
export function checkPolicy(policy: unknown): void {
  POLICY(policy, "net.policy");
}

/** @throws StratosError of kind option */
export function checkPosition(position: unknown): asserts position is RecordingPosition {
  if (position === "end") return;
  const [name = "", ...more] = isRecord(position) ? Object.keys(position) : [];
  const value = isRecord(position) ? position[name] : undefined;
  const isNamed = ["instruction", "event", "line"].includes(name) && more.length === 0;
  if (!isNamed || !Number.isSafeInteger(value) || Number(value) < 0)
    throw wrong("position", '{ instruction: N }, { event: N }, { line: N } or "end" is expected');
}

/** Of what calls take beside options. @throws StratosError of kind option */
export const checkText: Check = text;
export const checkBytes: Check = bytes;
export const checkContent: Check = content;
/** Of an image or a volume. @throws StratosError of kind option */
export const checkPlace: Check = place;

/** As far as a timer of the host reaches. @throws StratosError of kind option */
export function checkDuration(option: string, milliseconds: number | undefined): void {
  if (milliseconds === undefined || (milliseconds > 0 && milliseconds < 2 ** 31)) return;
  throw new StratosError("option", `${option}: above 0 and below 2 ** 31 (24 days) is expected`, { option });
}
