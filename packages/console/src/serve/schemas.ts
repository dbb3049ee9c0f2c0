/** JSON Schemas of what the console's REST service takes and answers. */
import type { Schema } from "@stratos/volumes/serve";
import { ROLES } from "@stratos/volumes/roles";

const text = (description: string): Schema => ({ type: "string", description });
export const count = (description: string, minimum = 0): Schema => ({ type: "integer", minimum, description });
export const flag = (description: string): Schema => ({ type: "boolean", description });
export const list = (items: Schema): Schema => ({ type: "array", items });
const nullable = (schema: Schema): Schema => ({ anyOf: [schema, { type: "null" }] });
const object = (
  properties: Readonly<Record<string, Schema>>,
  required: readonly string[] = Object.keys(properties),
): Schema => ({ type: "object", properties, required, additionalProperties: false });
/** Of which we tell only the part that others may rely on. */
const open = (properties: Readonly<Record<string, Schema>>): Schema => ({
  type: "object",
  properties,
  required: Object.keys(properties),
});

const NAME: Schema = { type: "string", pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" };
const name = (description: string): Schema => ({ ...NAME, description });
const command: Schema = {
  type: "array",
  items: { type: "string" },
  minItems: 1,
  maxItems: 10_000,
  description: "program, looked up in the system's PATH, and its arguments",
};
const environment: Schema = { type: "object", additionalProperties: { type: "string" }, description: "environment" };
const cwd: Schema = { type: "string", pattern: "^/", description: "folder to start in (default: /)" };
const user = text("user[:group] to run as (default: root)");
const side = (description: string): Schema => ({ type: "integer", minimum: 1, maximum: 1000, description });
const terminalSize = object({ columns: side("columns"), rows: side("rows") });
const signal = { ...text("Linux's name"), pattern: "^SIG[A-Z0-9+-]{1,12}$" };

const session = open({
  name: text("a number"),
  command: list(text("word")),
  pid: count("its number in the system"),
  hasTerminal: flag("false: streams"),
  startedMs: count("milliseconds since 1970"),
});

export const SYSTEM: Schema = open({
  name: text("name"),
  state: { enum: ["starting", "running", "paused", "exited", "lost"] },
  image: text("image"),
  command: list(text("word")),
  tty: nullable(terminalSize),
  display: flag("its programs have a display (absent: they have none)"),
  createdMs: count("milliseconds since 1970"),
  startedMs: count("milliseconds since 1970"),
  finishedMs: nullable(count("milliseconds since 1970")),
  exitCode: nullable({ type: "integer" }),
  error: nullable(text("why it is lost, or what went wrong")),
  snapshots: list(text("label, the oldest first")),
  sessions: list(session),
});

export const IMAGE: Schema = open({ name: text("name"), sizeBytes: count("bytes") });

export const VOLUME: Schema = open({
  uuid: nullable(text("UUID; null where it is encrypted")),
  label: text("label"),
  encrypted: flag("a passphrase is needed"),
  mountPoints: list(text("path")),
  devices: list(open({ path: text("path"), sizeBytes: count("bytes") })),
});

export const DISK_USE: Schema = open({
  folders: list(open({ name: text("in $STRATOS_HOME"), bytes: count("that its files take") })),
  freeBytes: count("of the file system that it is on"),
  sizeBytes: count("of that file system"),
});
export const REPORT: Schema = { type: "object", description: "versions, states and sizes; no commands, no secrets" };

const part = open({ usedBytes: count("bytes"), limitBytes: count("bytes") });
export const USAGE: Schema = open({
  memory: part,
  disk: { ...part, description: "what was changed over the image" },
  cpuMs: { type: "number", description: "time for which it ran" },
  instructions: count("that it has executed"),
  processes: count("that it has"),
});

export const CREATE = object(
  {
    name: name("default: one that is free"),
    image: name("default: the user's default image"),
    command,
    env: environment,
    cwd,
    user,
    tty: { ...flag("the program has a terminal, and reads what is typed (default: true)") },
    network: { enum: ["none", "host"] },
    ports: list(
      object({ host: count("port"), guest: count("port"), protocol: { enum: ["tcp", "udp"] }, address: text("IP") }, [
        "host",
        "guest",
      ]),
    ),
    mounts: list(
      object({ host: { type: "string", pattern: "^/" }, guest: { type: "string", pattern: "^/" }, readOnly: flag("") }),
    ),
    memoryBytes: count("of its memory", 1),
    transient: flag("nothing is left of it once its program has ended"),
    display: flag("its programs have a display, for windows"),
    checkpointEverySeconds: count("how often it is saved by itself", 1),
  },
  ["command"],
);

export const EXEC = object(
  { command, env: environment, cwd, user, input: text("what it reads"), timeoutSeconds: count("then it is ended", 1) },
  ["command"],
);
export const EXECUTED = object({
  exitCode: { type: "integer" },
  signal: nullable(text("that ended it")),
  stdout: text("UTF-8"),
  stderr: text("UTF-8"),
  isCut: flag("there was more, which was left out"),
});
export const OPEN_SESSION = object({ command, env: environment, cwd, user, size: terminalSize }, ["command"]);
export const SESSION = object({ session: text("its name, a number") });
export const STOP = object({ signal, graceSeconds: { ...count("before SIGKILL (default: 10)"), maximum: 86_400 } }, []);
export const SIGNAL = object({ signal });
export const LABEL = object({ label: name("of the snapshot") });
export const FORK = object(
  {
    count: { ...count("how many", 1), maximum: 100 },
    name: name("what names begin with"),
    identity: { enum: ["fresh", "same"], description: "whether they are told apart (default: fresh)" },
  },
  ["count"],
);
export const RENAME = object({ name: name("its new name") });
export const SIGN_IN = object({ token: { ...text("the token, a key, or the code of the address"), maxLength: 200 } });
export const SIGNED_IN = object({ key: text("each request sends it in the header Stratos-Key") });
export const IDENTITY = object(
  {
    name: text("of the key; `owner` has the token"),
    role: { enum: [...ROLES] },
    hub: text("where the hub is; absent: there is none"),
    hostShell: text("whose shells of the serving computer it has; absent: none"),
  },
  ["name", "role"],
);

export const JOB: Schema = object({
  id: count("number", 1),
  command: list(text("word; viewers see those that tell its kind")),
  by: text("who started it"),
  isRunning: flag("it has not ended"),
  startedMs: count("milliseconds since 1970"),
  endedMs: nullable(count("milliseconds since 1970; null: it runs, or nobody saw its end")),
  exitCode: nullable({ type: "integer" }),
  signal: nullable(text("that ended it")),
  cause: nullable(text("why it ended, where it was not by itself")),
  progress: text("the last line that it has written; empty for viewers"),
  percent: nullable({ ...count("as that line tells"), maximum: 100 }),
});
export const START_JOB = object({
  command: { ...command, maxItems: 1000, description: "what follows `stratos` on a command line" },
});

export const PACKAGE: Schema = { type: "object", description: "as `stratos pkg list --json` tells it" };
export const CHANGE: Schema = { type: "object", description: "as `stratos pkg history --json` tells it" };

const treefileText = { ...text("YAML"), maxLength: 1 << 19 };
export const TREEFILE_NAME = open({ name: text("name"), changedMs: { type: "number" } });
export const TREEFILE = object({ name: text("name"), text: treefileText, digest: text("SHA-256 of the text") });
export const WRITE_TREEFILE = object(
  { text: treefileText, changed: text("the digest of the text that was changed; absent: it is a new one") },
  ["text"],
);
const problem = object({
  file: text("name"),
  line: count("from 1"),
  column: count("from 1"),
  key: text("where in the file"),
  message: text("what is wrong"),
});
export const CHECKED = object({
  valid: flag("nothing is wrong"),
  problems: list(problem),
  warnings: list(problem),
  images: list(open({ variant: text("name"), architecture: text("Debian's name") })),
});

export const AUDIT_ENTRY = object({
  atMs: count("milliseconds since 1970"),
  name: text("of the key; `owner` has the token"),
  role: { enum: [...ROLES] },
  operation: text("its id"),
  target: text("what it was done to"),
  status: count("of the answer"),
});
