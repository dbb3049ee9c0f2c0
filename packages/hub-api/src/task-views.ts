/** What requests and answers of the hub's API say. Times are ISO 8601 in UTC; sizes are bytes. */

export type TaskState = "BLOCKED" | "FREE" | "ASSIGNED" | "RUNNING" | "COMPLETED" | "FAILED" | "CANCELED";
export type RunState = "ASSIGNED" | "RUNNING" | "COMPLETED" | "FAILED" | "CANCELED" | "LOST" | "RELEASED";
export type FailureClass = "infrastructure" | "dependency-wait" | "build" | "timeout" | "killed";

export interface TaskSubmission {
  /** What executes it: `command`, `build`. */
  readonly kind: string;
  /** Debian's name of an architecture; `any`: every host will do. */
  readonly arch?: string;
  readonly channel?: string;
  readonly label?: string;
  readonly payload: Readonly<Record<string, unknown>>;
  /** Larger is sooner. */
  readonly priority?: number;
  /** Units of a host's capacity that it takes. */
  readonly weight?: number;
  /** Capabilities that its host must have. */
  readonly requires?: readonly string[];
  /** It starts when these have completed. */
  readonly after?: readonly number[];
  /** It starts when these have ended, however they ended. */
  readonly afterEnd?: readonly number[];
  /** Positions in the same submission, as `after`. */
  readonly afterInBatch?: readonly number[];
  readonly timeoutSeconds?: number;
  /** A completed task of the same key answers for this one. */
  readonly cacheKey?: string;
  /** Artefacts that were uploaded for it, kept as long as it is. */
  readonly inputs?: readonly { readonly name: string; readonly digest: string }[];
}

export interface TaskView {
  readonly id: number;
  readonly kind: string;
  readonly arch: string;
  readonly channel: string;
  readonly label: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly state: TaskState;
  readonly priority: number;
  readonly weight: number;
  readonly requires: readonly string[];
  readonly owner: string;
  readonly workflow: number | null;
  readonly attempt: number;
  readonly cancelRequested: boolean;
  readonly timeoutSeconds: number;
  readonly created: string;
  readonly finished: string | null;
  readonly failureClass: FailureClass | null;
  readonly message: string | null;
  readonly result: unknown;
  readonly version: number;
}

export interface RunView {
  readonly id: number;
  readonly attempt: number;
  readonly host: string;
  readonly state: RunState;
  readonly assigned: string;
  readonly started: string | null;
  readonly ended: string | null;
  readonly leaseUntil: string;
  readonly failureClass: FailureClass | null;
  readonly message: string | null;
  readonly logBytes: number;
}

export interface ArtefactView {
  readonly name: string;
  readonly role: string;
  readonly digest: string;
  readonly media: string;
  readonly size: number;
}

export interface TaskDetails extends TaskView {
  readonly runs: readonly RunView[];
  readonly parents: readonly { readonly id: number; readonly state: TaskState; readonly needs: "success" | "end" }[];
  readonly children: readonly number[];
  readonly artefacts: readonly ArtefactView[];
  /** Why its last run that failed did so, by its log; absent at older hubs, null: none has, or it is being found. */
  readonly failure?: { readonly id: string; readonly cause: string; readonly line: string } | null;
  /** What it built is on its way into its channel's repository; absent at older hubs. */
  readonly publishing?: boolean;
}

export interface HostView {
  readonly name: string;
  readonly arches: readonly string[];
  readonly channels: readonly string[];
  readonly capabilities: readonly string[];
  readonly capacity: number;
  /** Of its capacity, by runs that live. */
  readonly used: number;
  readonly enabled: boolean;
  /** It was heard of lately. */
  readonly online: boolean;
  readonly software: string;
  readonly lastSeen: string;
  readonly version: number;
  /** What its worker told last; absent: it keeps none. */
  readonly artefactCache?: ArtefactCacheView;
}

/** Artefacts that a worker keeps between tasks, and how often one that was needed was there since it began. */
export interface ArtefactCacheView {
  readonly hits: number;
  readonly misses: number;
  readonly entries: number;
  readonly bytes: number;
}

export interface HostRegistration {
  readonly arches: readonly string[];
  readonly channels: readonly string[];
  readonly capabilities?: readonly string[];
  readonly capacity: number;
  readonly software?: string;
}

/** A run that a host was given. `token` proves it to the hub, and is worth nothing once the run is somebody else's. */
export interface ClaimedRun {
  readonly run: number;
  readonly token: string;
  readonly task: number;
  readonly attempt: number;
  readonly kind: string;
  readonly arch: string;
  readonly channel: string;
  readonly label: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly timeoutSeconds: number;
}

export interface ClaimAnswer {
  readonly runs: readonly ClaimedRun[];
  /** Runs of this host which somebody wants to end. */
  readonly cancel: readonly number[];
  readonly leaseSeconds: number;
  /** The request lay at the hub for so long before the runs were taken: their leases count from then, or later. */
  readonly heldMs: number;
}

export interface RunProof {
  readonly run: number;
  readonly token: string;
}

export interface RenewAnswer {
  readonly kept: readonly number[];
  readonly cancel: readonly number[];
  /** These are somebody else's now, or ended: stop them. */
  readonly lost: readonly number[];
}

export type RunOutcome = "COMPLETED" | "FAILED" | "CANCELED" | "RELEASED";

export interface RunEnd extends RunProof {
  readonly outcome: RunOutcome;
  readonly failureClass?: FailureClass;
  readonly message?: string;
  readonly result?: unknown;
  readonly artefacts?: readonly {
    readonly name: string;
    readonly role: string;
    readonly digest: string;
    readonly media: string;
  }[];
}

export interface EndedRun {
  readonly run: number;
  readonly task: number;
  readonly state: TaskState;
}

/** Why a task waits: what is left of the hosts after each filter, in this order. */
export interface WaitReason {
  readonly task: number;
  readonly state: TaskState;
  /** One sentence that says all. */
  readonly summary: string;
  readonly filters: readonly { readonly filter: string; readonly left: number; readonly of: number }[];
  /** Tasks that the same hosts would take first. */
  readonly ahead: number;
  /** So many hosts have had it; absent at older hubs. */
  readonly attempts?: number;
  /** Of one that failed and is tried again: in so many seconds, 0 when it is due. Null: it is none. */
  readonly retrySeconds: number | null;
}

export interface EventView {
  /** Smaller took effect earlier, among the events of a task. */
  readonly id: number;
  /** Its place in the order in which events are given out: by when their transactions began. */
  readonly cursor: string;
  readonly at: string;
  readonly actor: string;
  readonly what: string;
  readonly task: number | null;
  readonly run: number | null;
  readonly detail: unknown;
}

export interface ChannelView {
  readonly name: string;
  readonly policy: "fifo" | "priority" | "fair";
  /** Which of the hosts that could take a task is given it. `first`: who asks first. */
  readonly balance:
    | "first"
    | "round-robin"
    | "weighted-round-robin"
    | "least-runs"
    | "least-load"
    | "random"
    | "hash"
    | "fastest"
    | "pack";
  readonly description: string;
  readonly retentionDays: number | null;
  /** Channels whose packages its builds may use, too. */
  readonly inherits: readonly string[];
  readonly maxQueued: number | null;
  readonly maxRunning: number | null;
  readonly version: number;
}

/** Tasks that were submitted together. */
export interface WorkflowView {
  readonly id: number;
  readonly name: string;
  readonly owner: string;
  readonly created: string;
  readonly tasks: readonly {
    readonly id: number;
    readonly label: string;
    readonly kind: string;
    readonly state: TaskState;
  }[];
  readonly edges: readonly { readonly parent: number; readonly child: number; readonly needs: "success" | "end" }[];
}

/** A package of a channel. */
export interface PackageView {
  readonly channel: string;
  readonly name: string;
  readonly version: string;
  readonly arch: string;
  /** The source package that it was made of. */
  readonly source: string;
  readonly digest: string;
  readonly size: number;
  /** That made it; null: none that is kept. */
  readonly task: number | null;
  /** Who brought it: `hub` for what a task left, else who promoted it. */
  readonly actor: string;
  readonly added: string;
}

/** Sources of a channel that are to be built anew, each as a binNMU. */
export interface RebuildRequest {
  /** By name, as the channel has them. */
  readonly sources?: readonly string[];
  /** What builds on these binary packages; `src:NAME`: on any of that source. */
  readonly reverseDepends?: readonly string[];
  /** Also what builds on what is built anew, and so on. */
  readonly recursive?: boolean;
  /** One line of the changelog. */
  readonly reason: string;
  /** N of `+bN` (default: for each source the next that is free). */
  readonly number?: number;
  /** Only for these. */
  readonly arches?: readonly string[];
  readonly priority?: number;
}

export interface RebuildView {
  readonly channel: string;
  /** Of the tasks; null: none were made. */
  readonly workflow: number | null;
  /** By wave; those of one wave do not wait for each other. */
  readonly items: readonly {
    readonly wave: number;
    readonly source: string;
    /** Of the source; its packages get `+bN` behind theirs. */
    readonly version: string;
    readonly arch: string;
    readonly number: number;
    /** Packages that have changed, and that it builds on. */
    readonly because: readonly string[];
    /** Sources of earlier waves that it waits for. */
    readonly after: readonly string[];
    /** Sources that need it, and that it needs. */
    readonly circle: readonly string[];
    /** Where it is known from what it builds on; `buildinfo`: from all that was installed then. */
    readonly known: "builder" | "dsc" | "buildinfo" | "unknown";
    readonly task: number | null;
  }[];
  readonly leftOut: readonly { readonly source: string; readonly version: string; readonly why: string }[];
}

/** Where a channel's builds find packages. */
export interface RepositoriesView {
  readonly items: readonly { readonly path: string; readonly suite: string; readonly components: readonly string[] }[];
  readonly fingerprint: string;
  /** The public key, armored. */
  readonly key: string;
}

/** A worker's certificate. */
export interface CertificateView {
  readonly serial: string;
  readonly host: string;
  readonly fingerprint: string;
  readonly created: string;
  readonly expires: string;
  readonly revoked: string | null;
  readonly state: "good" | "expired" | "revoked";
}

export interface TokenView {
  readonly id: string;
  readonly principal: string;
  readonly scopes: readonly string[];
  readonly note: string;
  readonly created: string;
  readonly expires: string | null;
  readonly revoked: string | null;
  readonly lastUsed: string | null;
}

export interface RoleView {
  readonly name: string;
  readonly inherits: readonly string[];
  readonly permissions: readonly string[];
  readonly version: number;
}

/** RFC 9457, with what caused it. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance?: string;
  /** From the outermost cause to the first one, each with the tool that met it. */
  readonly causes?: readonly { readonly tool: string; readonly detail: string }[];
  /** Of `events-gone`: the first event that there still is, behind which one can go on; null: none yet. */
  readonly first?: EventView | null;
  /** Of `told-once`: what was made when the request came first, without what was told that once. */
  readonly made?: Readonly<Record<string, unknown>>;
}

/** How a channel gives its tasks to hosts. */
export const BALANCES = [
  "first",
  "round-robin",
  "weighted-round-robin",
  "least-runs",
  "least-load",
  "random",
  "hash",
  "fastest",
  "pack",
] as const;
export type Balance = (typeof BALANCES)[number];

export const COMPLIANCE_STANDARDS = ["sox", "gdpr", "iso27001"] as const;
export type ComplianceStandard = (typeof COMPLIANCE_STANDARDS)[number];

export interface ComplianceReport {
  readonly standard: ComplianceStandard;
  readonly title: string;
  readonly from: string;
  readonly until: string;
  readonly clauses: readonly {
    readonly clause: string;
    readonly title: string;
    /** What somebody should look at; empty: nothing that the hub's records show. */
    readonly findings: readonly string[];
    readonly facts: readonly { readonly what: string; readonly value: string }[];
  }[];
}

/** All that are given have to hold. */
export interface PolicyConditions {
  /** `Mon-Fri 08:00-18:00 Europe/Berlin`. */
  readonly hours?: string;
  /** `10.0.0.0/8`, `fd00::/8`. */
  readonly networks?: readonly string[];
  /** Tasks of who asks. */
  readonly isOwn?: true;
  /** Of tasks; `*` is any text. */
  readonly labels?: readonly string[];
}

export interface TemplateParameter {
  readonly type: "string" | "integer" | "boolean";
  readonly description?: string;
  readonly default?: string | number | boolean;
  readonly choices?: readonly (string | number | boolean)[];
  /** Of integers. */
  readonly minimum?: number;
  readonly maximum?: number;
}

/** Tasks with parameters: `{{NAME}}` in their texts. */
export interface TemplateView {
  readonly name: string;
  readonly version: number;
  readonly description: string;
  readonly parameters: Readonly<Record<string, TemplateParameter>>;
  readonly tasks: readonly TaskSubmission[];
  readonly owner: string;
  readonly created: string;
}

/** Where pushes are told of: by webhooks of forges, or found by asking a repository for its refs. */
export const FORGES = ["github", "gitlab", "gitea", "git"] as const;

/** Which pushes to a repository become which task. */
export interface TriggerView {
  readonly name: string;
  readonly forge: (typeof FORGES)[number];
  /** Name of the secret that signs webhooks; for `git`, of a password. */
  readonly secret?: string;
  /** For `git`: what is asked, and how often. */
  readonly url?: string;
  readonly everySeconds?: number;
  /** Pushes to this repository alone, as the forge names it. */
  readonly repository?: string;
  /** Patterns: `*` is any text without a slash, `**` any text. Without branches and tags: all branches. */
  readonly branches: readonly string[];
  readonly tags: readonly string[];
  /** One of the changed files must match one of these; none: any. */
  readonly paths: readonly string[];
  /** In its texts `{{commit}}`, `{{ref}}`, `{{name}}`, `{{repository}}` and `{{clone}}` are what was pushed. */
  readonly task?: TriggerTask;
  /** Instead of a task. */
  readonly template?: TriggerTemplate;
  /** How the forge is told what becomes of it. */
  readonly status?: TriggerStatus;
}

/** The tasks of a template, as one workflow. */
export interface TriggerTemplate {
  readonly name: string;
  /** Absent: the last at the time of the push. */
  readonly version?: number;
  /** In texts the same placeholders as in a task's. */
  readonly values: Readonly<Record<string, string | number | boolean>>;
  /** Which its tasks had when the trigger was set, and its maker was permitted: tasks for others are not submitted. */
  readonly channels: readonly string[];
}

export type TriggerTask = Pick<
  TaskSubmission,
  "kind" | "arch" | "channel" | "label" | "payload" | "priority" | "weight" | "requires" | "timeoutSeconds"
>;

export interface TriggerStatus {
  /** Name of the secret that is a token of the forge. */
  readonly secret: string;
  /** Root of the forge's API; GitHub's by default. */
  readonly api?: string;
  /** As what it stands beside the commit. */
  readonly context?: string;
}

export interface TriggerPush {
  /** `refs/heads/main`. */
  readonly ref: string;
  readonly commit: string;
  readonly repository: string;
  /** URL to clone it by. */
  readonly clone: string;
  /** Changed files; null: not known, or not all of them. */
  readonly paths: readonly string[] | null;
}

/** What a push starts. */
export interface TriggerOutcome {
  readonly task: number | null;
  /** Why it starts nothing. */
  readonly why: string | null;
  /** The task that is submitted, or would be; of a template's tasks the first. */
  readonly submission: TaskSubmission | null;
  /** All of them. */
  readonly submissions: readonly TaskSubmission[];
}

/** A push that was told of. */
export interface TriggerDeliveryView {
  readonly at: string;
  readonly ref: string;
  readonly commit: string;
  readonly task: number | null;
  /** Why it started nothing. */
  readonly why: string | null;
}

export interface PolicyView {
  readonly name: string;
  /** Patterns of the permissions that it concerns. */
  readonly permissions: readonly string[];
  /** Whom it concerns, `*` is any text; empty: everybody. */
  readonly principals: readonly string[];
  readonly conditions: PolicyConditions;
  readonly version: number;
}
