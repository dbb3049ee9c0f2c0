/** JSON Schemas of bodies and answers. What a body may not say is refused. */
import { BALANCES, FORGES } from "@stratos/hub-api";
import type { JsonSchema } from "./route.ts";
import { PROFILE_SECONDS_MAX } from "../profiling/profiler.ts";
import { EVENT_NAMES } from "../store/event-names.ts";
import { BATCH_TASKS_MAX } from "../store/submit-tasks.ts";
import { FAILURE_CLASSES, TASK_STATES } from "../store/task-states.ts";

const object = (properties: Record<string, JsonSchema>, required: readonly string[] = []): JsonSchema => ({
  type: "object",
  properties,
  required,
  additionalProperties: false,
});
const list = (items: JsonSchema, maxItems = 1_000): JsonSchema => ({ type: "array", items, maxItems });
const word = {
  type: "string",
  pattern: "^[A-Za-z0-9][A-Za-z0-9._+-]{0,126}$",
  description: "a word of letters, digits, dot, dash, plus and underscore",
};
/** Also `kind.`, and a word. */
const capability = { ...word, pattern: "^[A-Za-z0-9][A-Za-z0-9._+-]{0,131}$" };
const text = (maxLength: number): JsonSchema => ({ type: "string", maxLength });
const id = { type: "integer", minimum: 1, maximum: Number.MAX_SAFE_INTEGER };
/** Of what counts up in a column of four bytes: versions, attempts. */
const small = { type: "integer", minimum: 1, maximum: 2_000_000_000 };
const uuid = { type: "string", pattern: "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" };
const orNull = (schema: JsonSchema): JsonSchema => ({ anyOf: [schema, { type: "null" }] });
export const time = { type: "string", format: "date-time" };

export const DIGEST_PATTERN = "^sha256:[0-9a-f]{64}$";

const submission: Record<string, JsonSchema> = {
  kind: word,
  arch: word,
  channel: word,
  label: text(256),
  payload: { type: "object" },
  priority: { type: "integer", minimum: -1_000_000, maximum: 1_000_000 },
  weight: { type: "integer", minimum: 1, maximum: 1_000_000 },
  requires: list(capability, 64),
  after: list(id),
  afterEnd: list(id),
  timeoutSeconds: { type: "integer", minimum: 1, maximum: 31 * 86_400 },
  cacheKey: { type: "string", pattern: "^[A-Za-z0-9:._/+-]{1,200}$" },
  inputs: list(
    object({ name: text(255), digest: { type: "string", pattern: DIGEST_PATTERN } }, ["name", "digest"]),
    64,
  ),
};
export const SUBMISSION = object(submission, ["kind", "payload"]);
const batchTasks = list(
  object({ ...submission, afterInBatch: list({ type: "integer", minimum: 0, maximum: BATCH_TASKS_MAX }) }, [
    "kind",
    "payload",
  ]),
  BATCH_TASKS_MAX,
);
export const BATCH = object({ tasks: batchTasks }, ["tasks"]);
export const WORKFLOW = object({ name: text(256), tasks: batchTasks }, ["name", "tasks"]);
export const TASK_CHANGE = object({ priority: submission["priority"]! }, ["priority"]);
export const PROFILE_REQUEST = object({
  seconds: { type: "number", exclusiveMinimum: 0, maximum: PROFILE_SECONDS_MAX },
});
export const AGAIN = object({ since: time }, ["since"]);
export const CHAIN_PLACE = object({ number: id, hash: { type: "string", pattern: "^[0-9a-f]{64}$" } }, [
  "number",
  "hash",
]);
export const REASON = object({ reason: text(1_000) });

export const HOST_REGISTRATION = object(
  {
    arches: { ...list(word, 32), minItems: 1 },
    channels: { ...list(word, 256), minItems: 1 },
    capabilities: list(capability, 256),
    capacity: { type: "integer", minimum: 1, maximum: 1_000_000 },
    software: text(256),
  },
  ["arches", "channels", "capacity"],
);
/** A request for a certificate, PEM. */
const REQUEST = { type: "string", minLength: 1, maxLength: 8_000 };
export const CERTIFICATE_REQUEST = object({ request: REQUEST }, ["request"]);
export const ENROLMENT = object({ token: { type: "string", maxLength: 100 }, request: REQUEST }, ["token", "request"]);
const DAY_SECONDS = 86_400;
export const INVITATION = object(
  {
    host: {
      type: "string",
      pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$",
      description: "a name of letters, digits, dot, dash and underscore",
    },
    expiresSeconds: { type: "integer", minimum: 1, maximum: 7 * DAY_SECONDS },
  },
  ["host"],
);
export const HOST_CHANGE = object({ enabled: { type: "boolean" } }, ["enabled"]);
const CLAIM_WAIT_SECONDS_MAX = 55;
const counted = { type: "integer", minimum: 0, maximum: Number.MAX_SAFE_INTEGER };
export const CLAIM = object(
  {
    session: uuid,
    slots: { type: "integer", minimum: 0, maximum: 500 },
    waitSeconds: { type: "number", minimum: 0, maximum: CLAIM_WAIT_SECONDS_MAX },
    start: { type: "boolean" },
    holding: list(id, 10_000),
    artefactCache: object({ hits: counted, misses: counted, entries: counted, bytes: counted }, [
      "hits",
      "misses",
      "entries",
      "bytes",
    ]),
  },
  ["session", "slots", "holding"],
);
export const SESSION = object({ session: uuid }, ["session"]);
const proof = { run: id, token: uuid };
export const PROOFS = object({ runs: list(object(proof, ["run", "token"]), 10_000) }, ["runs"]);
const ARTEFACT = object(
  { name: text(255), role: word, digest: { type: "string", pattern: DIGEST_PATTERN }, media: text(127) },
  ["name", "role", "digest", "media"],
);
export const RUN_ENDS = object(
  {
    runs: list(
      object(
        {
          ...proof,
          outcome: { enum: ["COMPLETED", "FAILED", "CANCELED", "RELEASED"] },
          failureClass: { enum: Object.keys(FAILURE_CLASSES) },
          message: text(10_000),
          result: {},
          artefacts: list(ARTEFACT, 1_000),
        },
        ["run", "token", "outcome"],
      ),
      1_000,
    ),
  },
  ["runs"],
);

const limitOrNull = (minimum: number): JsonSchema => orNull({ type: "integer", minimum, maximum: 2_000_000_000 });
export const CHANNEL = object({
  policy: { enum: ["fifo", "priority", "fair"] },
  balance: { enum: BALANCES },
  description: text(1_000),
  retentionDays: orNull({ type: "integer", minimum: 1, maximum: 36_500 }),
  inherits: list({ type: "string", pattern: "^[a-z0-9][a-z0-9._-]{0,62}$", description: "names of channels" }, 16),
  maxQueued: limitOrNull(0),
  maxRunning: limitOrNull(0),
});
export const BRAKE = object({ maxQueued: limitOrNull(0), maxRunning: limitOrNull(0) });
export const TOKEN = object(
  {
    principal: word,
    scopes: { ...list(text(200), 64), minItems: 1 },
    grants: list(text(63), 64),
    note: text(256),
    expiresSeconds: { type: "integer", minimum: 1, maximum: 3_650 * 86_400 },
  },
  ["principal", "scopes"],
);
export const ROLE = object({ inherits: list(text(63), 64), permissions: list(text(200), 256) });

export const POLICY = object(
  {
    permissions: { ...list(text(200), 64), minItems: 1 },
    principals: list(text(255), 256),
    conditions: object({
      hours: text(200),
      networks: { ...list(text(64), 256), minItems: 1 },
      isOwn: { const: true },
      labels: { ...list(text(256), 256), minItems: 1 },
    }),
  },
  ["permissions", "conditions"],
);

const names = (maxItems: number): JsonSchema => ({ ...list(text(255), maxItems), minItems: 1 });
export const PROMOTION = object({ from: text(63), sources: names(1_000) }, ["from", "sources"]);
export const WITHDRAWAL = object({ sources: names(1_000) }, ["sources"]);

export const REBUILD = object(
  {
    sources: list(text(255), 10_000),
    reverseDepends: list(
      {
        type: "string",
        pattern: "^(?:src:)?[a-z0-9][a-z0-9+.-]{1,250}$",
        description: "a binary package, or src: and a source package",
      },
      100,
    ),
    recursive: { type: "boolean" },
    reason: {
      type: "string",
      minLength: 1,
      maxLength: 500,
      description: "one line of text",
      pattern:
        "^[^\\u0000-\\u001f\\u007f-\\u009f]*[^\\s\\u0000-\\u001f\\u007f-\\u009f][^\\u0000-\\u001f\\u007f-\\u009f]*$",
    },
    number: { type: "integer", minimum: 1, maximum: 9_999 },
    arches: { ...list(word, 32), minItems: 1 },
    priority: submission["priority"]!,
  },
  ["reason"],
);

export const WEBHOOK = object(
  {
    url: text(2_000),
    // Names of others are refused with the one that was meant (webhook-routes.ts).
    events: { ...list({ type: "string", maxLength: 40, description: EVENT_NAMES.join(", ") }, 40), minItems: 1 },
  },
  ["url", "events"],
);

const { after, afterEnd, cacheKey, inputs, ...triggered } = submission;
const patterns = list({ type: "string", minLength: 1, maxLength: 200 }, 64);
const scalar = { type: ["string", "integer", "boolean"], maxLength: 10_000 };
export const TRIGGER = object(
  {
    forge: { enum: FORGES },
    secret: word,
    url: text(1_000),
    everySeconds: { type: "integer", minimum: 10, maximum: 86_400 },
    repository: text(250),
    branches: patterns,
    tags: patterns,
    paths: patterns,
    task: object(triggered, ["kind", "payload"]),
    template: object(
      { name: word, version: small, values: { type: "object", maxProperties: 64, additionalProperties: scalar } },
      ["name"],
    ),
    status: object({ secret: word, api: text(1_000), context: { type: "string", minLength: 1, maxLength: 100 } }, [
      "secret",
    ]),
  },
  ["forge"],
);
export const TRIGGER_PUSH = object(
  {
    ref: text(300),
    commit: text(64),
    repository: text(250),
    clone: text(600),
    paths: orNull(list(text(4_096), 10_000)),
  },
  ["ref", "commit", "repository", "clone", "paths"],
);
export const TEMPLATE = object(
  {
    description: text(1_000),
    parameters: {
      type: "object",
      maxProperties: 64,
      propertyNames: { pattern: "^[A-Za-z][A-Za-z0-9_-]{0,62}$" },
      additionalProperties: object(
        {
          type: { enum: ["string", "integer", "boolean"] },
          description: text(500),
          default: scalar,
          choices: { ...list(scalar, 256), minItems: 1 },
          minimum: { type: "integer" },
          maximum: { type: "integer" },
        },
        ["type"],
      ),
    },
    tasks: { ...batchTasks, minItems: 1, maxItems: 1_000 },
  },
  ["tasks"],
);
export const TEMPLATE_VALUES = object({
  version: small,
  values: { type: "object", maxProperties: 64, additionalProperties: scalar },
});
export const SETTING_VALUE = object({ value: { type: ["integer", "string"], maxLength: 200 } }, ["value"]);
export const SETTING_VIEW: JsonSchema = {
  type: "object",
  required: ["name", "kind", "value", "started", "setBy", "setAt", "version"],
  properties: {
    name: word,
    kind: { enum: ["count", "seconds", "choice"] },
    unit: { enum: ["s", "ms", "MiB"], description: "what a number counts" },
    minimum: { type: "integer" },
    maximum: { type: "integer" },
    choices: list(word),
    value: { type: ["integer", "string"] },
    started: { type: ["integer", "string"] },
    setBy: orNull({ type: "string" }),
    setAt: orNull(time),
    version: { type: "integer" },
  },
};
export const SECRET = object({ value: { type: "string", minLength: 8, maxLength: 10_000 } }, ["value"]);

export const TASK_VIEW: JsonSchema = {
  type: "object",
  required: ["id", "kind", "arch", "channel", "payload", "state", "priority", "owner", "created", "version"],
  properties: {
    id,
    kind: word,
    arch: word,
    channel: word,
    label: { type: "string" },
    payload: { type: "object" },
    state: { enum: TASK_STATES },
    priority: { type: "integer" },
    weight: { type: "integer" },
    requires: list(capability),
    owner: { type: "string" },
    workflow: orNull(id),
    attempt: { type: "integer" },
    cancelRequested: { type: "boolean" },
    timeoutSeconds: { type: "integer" },
    created: time,
    finished: orNull(time),
    failureClass: orNull({ enum: Object.keys(FAILURE_CLASSES) }),
    message: orNull({ type: "string" }),
    result: {},
    version: { type: "integer" },
  },
};
export const page = (items: JsonSchema): JsonSchema => ({
  type: "object",
  required: ["items", "next"],
  properties: { items: { type: "array", items }, next: orNull({ type: "string" }) },
});
export const PACKAGE_VIEW: JsonSchema = {
  type: "object",
  required: ["channel", "name", "version", "arch", "source", "digest", "size", "actor", "added"],
  properties: {
    channel: word,
    name: { type: "string" },
    version: { type: "string" },
    arch: { type: "string" },
    source: { type: "string" },
    digest: { type: "string", pattern: DIGEST_PATTERN },
    size: { type: "integer" },
    task: orNull(id),
    actor: { type: "string" },
    added: time,
  },
};
export const EVENT_VIEW: JsonSchema = {
  type: "object",
  required: ["id", "cursor", "at", "actor", "what"],
  properties: {
    id,
    cursor: { type: "string" },
    at: time,
    actor: { type: "string" },
    what: { type: "string" },
    task: orNull(id),
    run: orNull(id),
    detail: {},
  },
};
export const PROBLEM: JsonSchema = {
  type: "object",
  required: ["type", "title", "status", "detail"],
  properties: {
    type: { type: "string" },
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string" },
    instance: { type: "string" },
    causes: {
      type: "array",
      items: { type: "object", properties: { tool: { type: "string" }, detail: { type: "string" } } },
    },
    first: { ...EVENT_VIEW, type: ["object", "null"], description: "of `events-gone`: the first event there still is" },
    made: { type: "object", description: "of `told-once`: what was made when the request came first" },
  },
};
