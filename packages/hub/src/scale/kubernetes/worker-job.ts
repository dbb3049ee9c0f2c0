/** A worker as a Job: what a template becomes, and what a Job that is there says of its worker. */
import type { JobObject } from "./job-client.ts";

const MANAGED_BY = "app.kubernetes.io/managed-by";
const MANAGER = "stratos-hub-scale";
const POOL = "stratos/pool";
const WORKER = "stratos/worker";
/** The container of a template's pod that is the worker; else its first. */
const CONTAINER = "worker";

/** Whoever the image runs as may write there: what it has in that place may be another user's, or not there at all. */
const STATE_FOLDER = "/state";

/** So that `POOL-1234567` behind `stratos-` is a label's value, as names of Jobs are in their pods' labels (63). */
const POOL_NAME = /^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/;

export const isPoolName = (pool: string): boolean => POOL_NAME.test(pool);
export const selectorOf = (pool: string): string => `${MANAGED_BY}=${MANAGER},${POOL}=${pool}`;
export const jobName = (worker: string): string => `stratos-${worker}`;

interface WorkerPod {
  readonly pool: string;
  readonly hub: string;
  /** The program's arguments for the worker of a name. */
  readonly args: (name: string) => readonly string[];
  readonly namespace: string;
}

type Fields = Record<string, unknown>;
const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** With a template of one's own nothing of this is there; a Secret holds the worker's key. */
export function plainTemplate(image: string, keyFolder: string): Fields {
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    spec: {
      template: {
        spec: {
          automountServiceAccountToken: false,
          terminationGracePeriodSeconds: 60,
          containers: [
            {
              name: CONTAINER,
              image,
              env: [{ name: "STRATOS_HOME", value: STATE_FOLDER }],
              volumeMounts: [
                { name: "key", mountPath: keyFolder, readOnly: true },
                { name: "state", mountPath: STATE_FOLDER },
              ],
            },
          ],
          volumes: [
            { name: "key", secret: { secretName: "stratos-worker" } },
            { name: "state", emptyDir: {} },
          ],
        },
      },
    },
  };
}

/** What the API server would take, and no scaler can use. @returns in words; null: it is good */
export function templateFault(template: unknown, namespace: string): string | null {
  if (!isFields(template)) return "expected a Job";
  const { apiVersion, kind, metadata = {}, spec } = template;
  if (apiVersion !== "batch/v1" || kind !== "Job") return "expected apiVersion: batch/v1 and kind: Job";
  if (!isFields(metadata)) return "metadata: expected a mapping";
  if (metadata["name"] !== undefined || metadata["generateName"] !== undefined)
    return "metadata.name: a Job is named for its worker";
  if (metadata["namespace"] !== undefined && metadata["namespace"] !== namespace)
    return `metadata.namespace: Jobs are made in ${namespace}; --namespace names another`;
  if (!isFields(spec) || !isFields(spec["template"]) || !isFields(spec["template"]["spec"]))
    return "spec.template.spec: expected a pod";
  for (const key of ["parallelism", "completions"])
    if (spec[key] !== undefined && spec[key] !== 1) return `spec.${key}: a Job is one worker`;
  if (spec["suspend"] !== undefined && spec["suspend"] !== false) return "spec.suspend: nobody here resumes it";
  const labels = [metadata["labels"] ?? {}, (spec["template"]["metadata"] as Fields | undefined)?.["labels"] ?? {}];
  if (!labels.every(isFields)) return "labels: expected a mapping";
  const containers = spec["template"]["spec"]["containers"];
  if (!Array.isArray(containers) || containers.length === 0 || !containers.every(isFields))
    return "spec.template.spec.containers: expected containers";
  const policy = spec["template"]["spec"]["restartPolicy"];
  if (policy !== undefined && policy !== "Never" && policy !== "OnFailure")
    return "spec.template.spec.restartPolicy: a Job takes Never or OnFailure";
  const { env = [], args } = workerContainer(containers as Fields[]);
  if (!Array.isArray(env) || !env.every(isFields)) return "env: expected a list of variables";
  if (args !== undefined && !Array.isArray(args)) return "args: expected a list";
  return null;
}

const workerContainer = (containers: readonly Fields[]): Fields =>
  containers.find(({ name }) => name === CONTAINER) ?? containers[0]!;

/** @param template  one that `templateFault` found good */
export function workerJob(template: unknown, name: string, { pool, hub, args, namespace }: WorkerPod): Fields {
  const job = structuredClone(template) as Fields;
  const labels = { [MANAGED_BY]: MANAGER, [POOL]: pool, [WORKER]: name };
  const labelled = (metadata: unknown): Fields => {
    const fields = (metadata ?? {}) as Fields;
    return { ...fields, labels: { ...(fields["labels"] as Fields | undefined), ...labels } };
  };
  const spec = job["spec"] as Fields;
  const template_ = spec["template"] as Fields;
  const pod = template_["spec"] as Fields;
  const container = workerContainer(pod["containers"] as Fields[]);
  const env = ((container["env"] ?? []) as Fields[]).filter((variable) => variable["name"] !== "STRATOS_WORKER");
  const knowsHub = env.some((variable) => variable["name"] === "STRATOS_HUB");
  // Before the template's own, whose values may then name them: $(STRATOS_WORKER).
  container["env"] = [
    { name: "STRATOS_WORKER", value: name },
    ...(knowsHub ? [] : [{ name: "STRATOS_HUB", value: hub }]),
    ...env,
  ];
  container["args"] ??= args(name);
  pod["restartPolicy"] ??= "Never";
  template_["metadata"] = labelled(template_["metadata"]);
  // The scaler starts another; a Job that is left by a scaler that is gone goes by itself when it has ended.
  spec["backoffLimit"] ??= 2;
  spec["ttlSecondsAfterFinished"] ??= 3_600;
  job["metadata"] = { ...labelled(job["metadata"]), name: jobName(name), namespace };
  return job;
}

/** What is known of one of a pool's Jobs. */
export interface WorkerJob {
  readonly worker: string;
  readonly job: string;
  readonly uid: string;
  readonly isDeleting: boolean;
  /** null: it has not ended. */
  readonly end: { readonly isFailed: boolean; readonly why: string } | null;
  /** Pods that were made, and those of them that run and are ready; null: the server does not tell. */
  readonly active: number;
  readonly ready: number | null;
}

/** @returns null: none of the pool's */
export function readWorkerJob({ metadata, status }: JobObject, pool: string): WorkerJob | null {
  const { name, uid, labels, deletionTimestamp } = metadata ?? {};
  if (typeof name !== "string" || typeof uid !== "string" || !isFields(labels)) return null;
  const worker = labels[WORKER];
  if (labels[MANAGED_BY] !== MANAGER || labels[POOL] !== pool || typeof worker !== "string") return null;
  if (name !== jobName(worker)) return null;
  const conditions = Array.isArray(status?.conditions) ? status.conditions : [];
  const ended = conditions.find(({ type, status: is }) => is === "True" && (type === "Failed" || type === "Complete"));
  return {
    worker,
    job: name,
    uid,
    isDeleting: deletionTimestamp !== undefined,
    end:
      ended === undefined
        ? null
        : {
            isFailed: ended.type === "Failed",
            why: [ended.reason, ended.message].filter((part) => typeof part === "string" && part !== "").join(": "),
          },
    active: typeof status?.active === "number" ? status.active : 0,
    ready: typeof status?.ready === "number" ? status.ready : null,
  };
}
