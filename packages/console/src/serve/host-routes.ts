/** Operations on what this host keeps: images and their packages, treefiles, volumes, jobs, the audit log. */
import { ImageStore } from "@stratos/images";
import { foundVolumes, listedVolume } from "@stratos/volumes";
import { mayAct } from "@stratos/volumes/roles";
import { Refusal } from "@stratos/volumes/serve";
import type { AuditLog } from "./access/audit-log.ts";
import type { Treefiles } from "./composes/treefiles.ts";
import type { ConsoleRequest, ConsoleRoute } from "./console-route.ts";
import type { Commands } from "./jobs/commands.ts";
import type { Job, Jobs } from "./jobs/jobs.ts";
import { reached } from "./jobs/reach.ts";
import { diskUse } from "./maintenance/disk-use.ts";
import { supportReport } from "./maintenance/support-report.ts";
import * as schemas from "./schemas.ts";

export interface HostParts {
  /** STRATOS_HOME. */
  readonly home: string;
  readonly commands: Commands;
  readonly jobs: Jobs;
  readonly treefiles: Treefiles;
  readonly audit: AuditLog;
}

type HostRequest = ConsoleRequest & HostParts;

const AUDIT_LINES = 200;
const NOTHING = { type: "null" } as const;

export const HOST_ROUTES: readonly ConsoleRoute<HostParts>[] = [
  {
    method: "get",
    path: "/images",
    role: "viewer",
    id: "listImages",
    summary: "List the images.",
    answer: schemas.list(schemas.IMAGE),
    handle: ({ home }) =>
      new ImageStore(home).list().map(({ name, description, sizeBytes }) => ({ name, sizeBytes, ...description })),
  },
  {
    method: "get",
    path: "/images/{image}/packages",
    role: "viewer",
    id: "listPackages",
    summary: "List the packages of an image, or those that its sources offer and that fit all words.",
    query: { search: { schema: { type: "string" }, description: "words in names and descriptions" } },
    answer: schemas.list(schemas.PACKAGE),
    handle: async (request) => {
      const words = String(request.query["search"] ?? "")
        .split(/\s+/)
        .filter((word) => word !== "");
      const verb = words.length === 0 ? "list" : "search";
      return toldBy(request, ["pkg", verb, "-i", imageOf(request), "--json", "--", ...words]);
    },
  },
  {
    method: "get",
    path: "/images/{image}/changes",
    role: "viewer",
    id: "listChanges",
    summary: "List the changes of an image's packages, which can be taken back.",
    answer: schemas.list(schemas.CHANGE),
    handle: async (request) => toldBy(request, ["pkg", "history", "-i", imageOf(request), "--json"]),
  },
  {
    method: "get",
    path: "/composes",
    role: "viewer",
    id: "listTreefiles",
    summary: "List the treefiles that are kept.",
    answer: schemas.list(schemas.TREEFILE_NAME),
    handle: ({ treefiles }) => treefiles.list(),
  },
  {
    method: "get",
    path: "/composes/{treefile}",
    role: "operator",
    id: "getTreefile",
    summary: "Show a treefile.",
    answer: schemas.TREEFILE,
    handle: ({ treefiles, parameters }) => treefiles.read(parameters["treefile"]!),
  },
  {
    method: "put",
    path: "/composes/{treefile}",
    role: "administrator",
    id: "putTreefile",
    summary: "Keep a treefile. One that somebody has changed meanwhile stays as it is.",
    body: schemas.WRITE_TREEFILE,
    answer: schemas.TREEFILE,
    handle: ({ treefiles, parameters, body }) =>
      treefiles.write(parameters["treefile"]!, body["text"] as string, (body["changed"] as string | undefined) ?? null),
  },
  {
    method: "delete",
    path: "/composes/{treefile}",
    role: "administrator",
    id: "removeTreefile",
    summary: "Remove a treefile.",
    answer: NOTHING,
    handle: ({ treefiles, parameters }) => {
      treefiles.remove(parameters["treefile"]!);
      return null;
    },
  },
  {
    method: "post",
    path: "/composes/{treefile}/check",
    role: "operator",
    id: "checkTreefile",
    summary: "Tell what is wrong in a treefile: file, line, column and key.",
    answer: schemas.CHECKED,
    handle: async (request) => {
      const { name } = request.treefiles.read(request.parameters["treefile"]!);
      return toldBy(request, ["compose", "validate", "--json", "--", `${name}.yaml`]);
    },
  },
  {
    method: "get",
    path: "/volumes",
    role: "viewer",
    id: "listVolumes",
    summary: "List the AegisFS volumes that are found on this host.",
    answer: schemas.list(schemas.VOLUME),
    handle: () => foundVolumes([]).map(listedVolume),
  },
  {
    method: "get",
    path: "/disk-use",
    role: "viewer",
    id: "getDiskUse",
    summary: "Show what Stratos keeps on this host's disk, by folder.",
    answer: schemas.DISK_USE,
    handle: ({ home }) => diskUse(home),
  },
  {
    method: "get",
    path: "/report",
    role: "operator",
    id: "getReport",
    summary: "Tell what this host is and how it is, for whoever is asked for help.",
    answer: schemas.REPORT,
    handle: (request) => supportReport(request),
  },
  {
    method: "get",
    path: "/jobs",
    role: "viewer",
    id: "listJobs",
    summary: "List the jobs, the newest first: those that run, and the last that have ended.",
    answer: schemas.list(schemas.JOB),
    handle: (request) => request.jobs.list().map((job) => shownJob(request, job)),
  },
  {
    method: "post",
    path: "/jobs",
    role: "administrator",
    id: "startJob",
    summary:
      "Start a command, which goes on when its request is over. Relative paths are of composes in $STRATOS_HOME.",
    body: schemas.START_JOB,
    answer: schemas.JOB,
    status: 202,
    handle: ({ jobs, body, identity }) => jobs.start(body["command"] as string[], identity.name),
  },
  {
    method: "get",
    path: "/jobs/{job}",
    role: "viewer",
    id: "getJob",
    summary: "Show a job. Viewers see what kind of command it is and its state.",
    answer: schemas.JOB,
    handle: (request) => shownJob(request, request.jobs.get(jobOf(request))),
  },
  {
    method: "get",
    path: "/jobs/{job}/log",
    role: "operator",
    id: "getJobLog",
    summary: "Show what a job has written from there on, up to 1 MiB.",
    query: { from: { schema: schemas.count("bytes"), description: "so many are known already" } },
    answer: "bytes",
    handle: (request) => request.jobs.log(jobOf(request), (request.query["from"] as number | undefined) ?? 0),
  },
  {
    method: "post",
    path: "/jobs/{job}/cancel",
    role: "administrator",
    id: "cancelJob",
    summary: "Ask a job to end: it undoes what it has begun. One that has not ended after 10 seconds is killed.",
    answer: NOTHING,
    handle: (request) => {
      request.jobs.cancel(jobOf(request), request.identity.name);
      return null;
    },
  },
  {
    method: "delete",
    path: "/jobs/{job}",
    role: "administrator",
    id: "removeJob",
    summary: "Forget a job that has ended, and its log.",
    answer: NOTHING,
    handle: (request) => {
      request.jobs.remove(jobOf(request));
      return null;
    },
  },
  {
    method: "get",
    path: "/audit",
    role: "administrator",
    id: "getAudit",
    summary: "Show who did what, the newest first.",
    query: { count: { schema: schemas.count("entries"), description: `how many (default: ${AUDIT_LINES})` } },
    answer: schemas.list(schemas.AUDIT_ENTRY),
    handle: ({ audit, query }) => audit.last((query["count"] as number | undefined) ?? AUDIT_LINES),
  },
];

/** A word that begins with `-` is no name, and so is none of a command's options. */
function imageOf({ home, parameters }: HostRequest): string {
  const name = parameters["image"]!;
  if (!new ImageStore(home).list().some((image) => image.name === name))
    throw new Refusal(404, `${name}: no such image`);
  return name;
}

function jobOf({ parameters }: HostRequest): number {
  const text = parameters["job"]!;
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Refusal(404, `${text}: no such job`);
  return Number(text);
}

/** What a command was given, and what it writes, may be secret: paths of the host, addresses with passwords. */
function shownJob({ identity }: ConsoleRequest, job: Job): Job {
  if (mayAct(identity.role, "operator")) return job;
  return { ...job, command: reached(job.command)?.split(" ") ?? [], progress: "" };
}

/** What a command prints as JSON. Status 1 with an answer tells that nothing was found, or that something is wrong. */
async function toldBy({ commands, signal }: HostRequest, command: readonly string[]): Promise<unknown> {
  const { exitCode, stdout, stderr } = await commands.ask(command, signal);
  if (exitCode > 1 || stdout.trim() === "")
    throw new Refusal(409, stderr.trim().replace(/^stratos: /, "") || `it ended with status ${exitCode}`);
  return JSON.parse(stdout) as unknown;
}
