/** The operations of the REST service: the same functions that the commands call. */
import { health } from "@stratos/aegisfs";
import { RENAME_NOREPLACE } from "@stratos/abi";
import { auditEntries, auditVerdict, type AuditEntry } from "../audit.ts";
import { listedFile, type ListedFile } from "../file-listing.ts";
import { baseName, joinPath, toByteString, toText } from "../file-tree.ts";
import { filteredFilesOf } from "../open-volume.ts";
import { contentProperties, setContentProperties } from "../content-properties.ts";
import { listQuotas, QUOTA_OWNER_KINDS, setQuotaLimits, switchQuotas } from "../quotas.ts";
import { removeTree } from "../remove-tree.ts";
import { restoreFiles } from "../restore-files.ts";
import type { SnapshotSchedule } from "../listed.ts";
import { readSchedule, runSchedule, writeSchedule } from "../snapshot-schedule.ts";
import { createSnapshot, deleteSnapshots, listChanges, listSnapshots, rollBack, snapshotSpaces } from "../snapshots.ts";
import { sendSnapshot, SnapshotReceiver } from "../transfers.ts";
import { listTiers } from "../tiers.ts";
import { VolumeTree } from "../volume-tree.ts";
import { volumeSpace, volumeStatistics } from "../volume-usage.ts";
import type { ApiAbout } from "./openapi.ts";
import { Refusal } from "./rest-input.ts";
import type { RestRequest, RestRoute } from "./rest-route.ts";
import {
  anyObject,
  count,
  file,
  flag,
  limits,
  list,
  object,
  PATH,
  quota,
  schedule,
  SNAPSHOT,
  snapshot,
  space,
  text,
} from "./rest-schemas.ts";

export const VOLUMES_API: ApiAbout = {
  root: "/v1",
  title: "Stratos volumes",
  description: "AegisFS volumes: files, snapshots, schedules, integrity.",
  token:
    "What is in fs-serve.token of $STRATOS_HOME, or in the file that --token-file names. A service on a Unix socket " +
    "(--socket) or with --no-token asks for none. /healthz, /readyz and /v1/openapi.json need none. Keys of others " +
    "than the owner (`stratos fs serve key add`) may do what their role may: x-role tells which an operation needs.",
};

const inVolume = ({ volume }: RestRequest): string => volume.name;

function treeOf({ volume, query }: RestRequest): VolumeTree {
  return new VolumeTree(filteredFilesOf(volume.opened, (query["snapshot"] as string | undefined) ?? null), volume.name);
}

const pathOf = (request: RestRequest): string => toByteString(request.query["path"] as string);

function listedAt(tree: VolumeTree, path: string, name: string): ListedFile {
  const facts = tree.factsOf(tree.find(path, false), path);
  return listedFile(name, facts, facts.kind === "symlink" ? tree.linkTarget(path) : null);
}

const PIECE_BYTES = 1 << 20;

function* pieces(tree: VolumeTree, path: string): Generator<Uint8Array> {
  const reader = tree.openFile(path);
  const buffer = new Uint8Array(PIECE_BYTES);
  for (let offset = 0, length = 0; (length = reader.read(offset, buffer, PIECE_BYTES)) > 0; offset += length)
    yield buffer.slice(0, length);
}

/** Files of `tiers` that nobody gave a number of. */
const HOTTEST = 50;

export const REST_ROUTES: readonly RestRoute[] = [
  {
    method: "get",
    path: "/volumes",
    role: "viewer",
    id: "listVolumes",
    summary: "List the volumes and how full they are.",
    answer: list(space),
    handle: ({ volumes }) => volumes.all.map((one) => ({ ...volumeSpace(one.touch()), volume: one.name })),
  },
  {
    method: "get",
    path: "/volumes/{volume}",
    role: "viewer",
    id: "getVolume",
    summary: "Show how full a volume is.",
    answer: space,
    handle: (request) => ({ ...volumeSpace(request.volume.opened), volume: inVolume(request) }),
  },
  {
    method: "get",
    path: "/volumes/{volume}/statistics",
    role: "viewer",
    id: "getStatistics",
    summary: "Explain where the space went. Reads all metadata.",
    answer: anyObject,
    handle: (request) => ({ ...volumeStatistics(request.volume.opened), volume: inVolume(request) }),
  },
  {
    method: "get",
    path: "/volumes/{volume}/health",
    role: "viewer",
    id: "getHealth",
    summary: "Show the state of the volume's devices.",
    answer: anyObject,
    handle: ({ volume }) => health(volume.opened.volume),
  },

  {
    method: "get",
    path: "/volumes/{volume}/files",
    role: "viewer",
    id: "listFiles",
    summary: "List a folder, or show one file.",
    query: { path: PATH, snapshot: SNAPSHOT },
    answer: list(file),
    handle: (request) => {
      const tree = treeOf(request);
      const path = pathOf(request);
      const facts = tree.factsOf(tree.find(path), path);
      if (facts.kind !== "directory") return [listedAt(tree, path, baseName(path))];
      return tree.names(path).map((name) => listedAt(tree, joinPath(path, name), name));
    },
  },
  {
    method: "delete",
    path: "/volumes/{volume}/files",
    role: "administrator",
    id: "removeFile",
    summary: "Remove a file, or a folder with all that is in it.",
    query: {
      path: PATH,
      recursive: { schema: flag("folders, too"), description: "remove a folder with all that is in it" },
    },
    answer: object({ removed: count("names that went") }),
    changes: true,
    handle: (request) => ({
      removed: removeTree(treeOf(request), pathOf(request), {
        isRecursive: request.query["recursive"] === true,
        isDryRun: false,
      }),
    }),
  },
  {
    method: "get",
    path: "/volumes/{volume}/content",
    role: "operator",
    id: "readFile",
    summary: "Read a file.",
    query: { path: PATH, snapshot: SNAPSHOT },
    answer: "bytes",
    handle: (request) => pieces(treeOf(request), pathOf(request)),
  },
  {
    method: "put",
    path: "/volumes/{volume}/content",
    role: "administrator",
    id: "writeFile",
    summary: "Write a file; its content becomes the body's. The file appears when all of it is there.",
    query: { path: PATH },
    takesBytes: true,
    answer: object({ sizeBytes: count("bytes written") }),
    changes: true,
    handle: async (request) => {
      const tree = treeOf(request);
      const path = pathOf(request);
      // Under another name until it is whole: a request that breaks off leaves what was there.
      const draft = `${path}.upload-${Math.random().toString(36).slice(2)}`;
      const { mode, uid, gid } = tree.facts(path, true) ?? { mode: 0o644, uid: 0, gid: 0 };
      const writer = tree.createFile(draft);
      let sizeBytes = 0;
      try {
        for await (const piece of request.content) {
          request.volume.touch();
          writer.write(sizeBytes, piece, piece.length);
          sizeBytes += piece.length;
        }
        const facts = tree.factsOf(tree.find(draft), draft);
        tree.setFacts(draft, { ...facts, mode, uid, gid }, new Map(), true);
        tree.move(draft, path, 0);
      } catch (error) {
        tree.remove(draft);
        throw error;
      }
      return { sizeBytes };
    },
  },
  {
    method: "post",
    path: "/volumes/{volume}/directories",
    role: "administrator",
    id: "makeDirectory",
    summary: "Make a folder.",
    body: object(
      { path: text("absolute path"), mode: { type: "integer", minimum: 0, maximum: 4095, description: "permissions" } },
      ["path"],
    ),
    status: 201,
    answer: object({ path: text("the folder") }),
    changes: true,
    handle: (request) => {
      treeOf(request).makeDirectory(
        toByteString(request.body["path"] as string),
        (request.body["mode"] as number | undefined) ?? 0o755,
      );
      return { path: request.body["path"] };
    },
  },
  {
    method: "post",
    path: "/volumes/{volume}/moves",
    role: "administrator",
    id: "moveFile",
    summary: "Move or rename, atomically.",
    body: object(
      { from: text("absolute path"), to: text("absolute path"), replace: flag("replace what is there (default)") },
      ["from", "to"],
    ),
    answer: object({ path: text("where it is now") }),
    changes: true,
    handle: (request) => {
      treeOf(request).move(
        toByteString(request.body["from"] as string),
        toByteString(request.body["to"] as string),
        request.body["replace"] === false ? RENAME_NOREPLACE : 0,
      );
      return { path: request.body["to"] };
    },
  },

  {
    method: "get",
    path: "/volumes/{volume}/snapshots",
    role: "viewer",
    id: "listSnapshots",
    summary: "List snapshots; parents and children make a tree.",
    answer: list(snapshot),
    handle: ({ volume }) => listSnapshots(volume.opened),
  },
  {
    method: "post",
    path: "/volumes/{volume}/snapshots",
    role: "operator",
    id: "createSnapshot",
    summary: "Take a snapshot.",
    body: object(
      {
        name: text("name"),
        label: text("label"),
        writable: flag("may be changed"),
        of: text("snapshot to take it of"),
      },
      [],
    ),
    status: 201,
    answer: snapshot,
    changes: true,
    handle: ({ volume, body }) => {
      const name = createSnapshot(volume.opened, body);
      return listSnapshots(volume.opened).find((one) => one.name === name);
    },
  },
  {
    method: "delete",
    path: "/volumes/{volume}/snapshots/{snapshot}",
    role: "administrator",
    id: "deleteSnapshot",
    summary: "Delete a snapshot and free what it alone holds.",
    answer: object({ freedBytes: count("bytes that came back") }),
    changes: true,
    handle: ({ volume, parameters }) => ({ freedBytes: deleteSnapshots(volume.opened, [parameters["snapshot"]!]) }),
  },
  {
    method: "post",
    path: "/volumes/{volume}/snapshots/{snapshot}/rollback",
    role: "administrator",
    id: "rollBack",
    summary: "Make the live files those of the snapshot, atomically.",
    body: object({ save: text("keep what is there now as a snapshot of this name") }, []),
    answer: anyObject,
    changes: true,
    handle: ({ volume, parameters, body }) => {
      rollBack(volume.opened, parameters["snapshot"]!, body["save"] as string | undefined);
      return {};
    },
  },
  {
    method: "post",
    path: "/volumes/{volume}/snapshots/{snapshot}/restore",
    role: "administrator",
    id: "restoreFiles",
    summary: "Bring a file or folder of a snapshot back to the live files, in place of what is there.",
    body: object(
      { path: text("absolute path in the snapshot"), to: text("absolute path in the live files (default: the same)") },
      ["path"],
    ),
    answer: object({
      files: count("files"),
      directories: count("folders"),
      others: count("links and special files"),
      bytes: count("of content"),
    }),
    changes: true,
    handle: ({ volume, parameters, body }) => {
      const path = body["path"] as string;
      const to = (body["to"] as string | undefined) ?? path;
      return restoreFiles(volume.opened, parameters["snapshot"]!, toByteString(path), toByteString(to));
    },
  },
  {
    method: "get",
    path: "/volumes/{volume}/snapshots/{snapshot}/changes",
    role: "viewer",
    id: "listChanges",
    summary: "Show what changed from a snapshot to another one, or to the live files.",
    query: { to: { schema: text("snapshot"), description: "default: the live files" } },
    answer: list(anyObject),
    handle: ({ volume, parameters, query }) =>
      listChanges(volume.opened, parameters["snapshot"]!, (query["to"] as string | undefined) ?? null),
  },
  {
    method: "get",
    path: "/volumes/{volume}/snapshots/{snapshot}/space",
    role: "viewer",
    id: "getSnapshotSpace",
    summary: "Show what a snapshot refers to, and what it alone holds.",
    answer: anyObject,
    handle: ({ volume, parameters }) => snapshotSpaces(volume.opened, [parameters["snapshot"]!])[0],
  },
  {
    method: "get",
    path: "/volumes/{volume}/snapshots/{snapshot}/stream",
    role: "operator",
    id: "sendSnapshot",
    summary: "Send a snapshot, or its differences from another one, as a stream.",
    query: { from: { schema: text("snapshot"), description: "only what changed since" } },
    answer: "bytes",
    handle: ({ volume, parameters, query }) => {
      const pieces = sendSnapshot(volume.opened, {
        snapshot: parameters["snapshot"]!,
        ...(query["from"] === undefined ? {} : { from: query["from"] as string }),
      });
      return (function* (): Generator<Uint8Array> {
        for (const piece of pieces) yield piece.slice();
      })();
    },
  },
  {
    method: "post",
    path: "/volumes/{volume}/received",
    role: "administrator",
    id: "receiveSnapshot",
    summary: "Make a snapshot from a stream.",
    query: { name: { schema: text("name"), description: "default: its name at the source" } },
    takesBytes: true,
    status: 201,
    answer: object({ name: text("the snapshot") }),
    changes: true,
    handle: async ({ volume, query, content }) => {
      const receiver = new SnapshotReceiver(volume.opened, query["name"] as string | undefined);
      for await (const piece of content) {
        volume.touch();
        receiver.push(piece);
      }
      return { name: toText(receiver.finish().name) };
    },
  },

  {
    method: "get",
    path: "/volumes/{volume}/schedule",
    role: "viewer",
    id: "getSchedule",
    summary: "Show the snapshot schedule; null when there is none.",
    answer: { oneOf: [schedule, { type: "null" }] },
    handle: ({ volume }) => readSchedule(volume.opened),
  },
  {
    method: "put",
    path: "/volumes/{volume}/schedule",
    role: "administrator",
    id: "setSchedule",
    summary: "Set the snapshot schedule. The service runs it.",
    body: schedule,
    answer: schedule,
    changes: true,
    handle: ({ volume, body }) => {
      writeSchedule(volume.opened, body as unknown as SnapshotSchedule);
      return body;
    },
  },
  {
    method: "delete",
    path: "/volumes/{volume}/schedule",
    role: "administrator",
    id: "clearSchedule",
    summary: "Take the snapshot schedule away.",
    answer: anyObject,
    changes: true,
    handle: ({ volume }) => {
      writeSchedule(volume.opened, null);
      return {};
    },
  },
  {
    method: "post",
    path: "/volumes/{volume}/schedule/run",
    role: "administrator",
    id: "runSchedule",
    summary: "Take the snapshot that is due now, and delete those that are over.",
    answer: anyObject,
    changes: true,
    handle: ({ volume }) => runSchedule(volume.opened, Math.floor(Date.now() / 1000)),
  },

  {
    method: "get",
    path: "/volumes/{volume}/scrub",
    role: "viewer",
    id: "getScrub",
    summary: "Show the scrub of this service; null when there was none.",
    answer: { oneOf: [anyObject, { type: "null" }] },
    handle: ({ volume }) => volume.scrubState,
  },
  {
    method: "post",
    path: "/volumes/{volume}/scrub",
    role: "operator",
    id: "startScrub",
    summary: "Start a scrub, or go on with a paused one; it runs between requests.",
    status: 202,
    answer: anyObject,
    changes: true,
    handle: ({ volume, volumes }) => {
      volume.startScrub();
      volumes.wake();
      return volume.scrubState;
    },
  },
  {
    method: "delete",
    path: "/volumes/{volume}/scrub",
    role: "operator",
    id: "pauseScrub",
    summary: "Pause the scrub.",
    answer: { oneOf: [anyObject, { type: "null" }] },
    changes: true,
    handle: ({ volume }) => {
      volume.pauseScrub();
      return volume.scrubState;
    },
  },

  {
    method: "get",
    path: "/volumes/{volume}/quotas",
    role: "viewer",
    id: "listQuotas",
    summary: "Show who owns how much, and the limits; null while quotas are off.",
    answer: { oneOf: [list(quota), { type: "null" }] },
    handle: ({ volume }) => listQuotas(volume.opened),
  },
  {
    method: "put",
    path: "/volumes/{volume}/quotas",
    role: "administrator",
    id: "switchQuotas",
    summary: "Count what is owned from now on, or stop that and forget all limits.",
    body: object({ on: flag("count") }),
    answer: { oneOf: [list(quota), { type: "null" }] },
    changes: true,
    handle: ({ volume, body }) => {
      switchQuotas(volume.opened, body["on"] === true);
      return listQuotas(volume.opened);
    },
  },
  {
    method: "put",
    path: "/volumes/{volume}/quotas/{kind}/{id}",
    role: "administrator",
    id: "setQuota",
    summary: "Set limits of a user, a group or a project. What is not given stays; 0 takes a limit away.",
    body: object(limits, []),
    answer: list(quota),
    changes: true,
    handle: ({ volume, parameters, body }) => {
      const { kind, id } = parameters as { kind: string; id: string };
      const owner = QUOTA_OWNER_KINDS.find((each) => each === kind);
      if (owner === undefined) throw new Refusal(400, `${kind}: expected user, group or project`);
      if (!/^\d{1,10}$/.test(id) || Number(id) > 0xffffffff) throw new Refusal(400, `${id}: expected a number`);
      setQuotaLimits(volume.opened, owner, Number(id), body);
      return listQuotas(volume.opened);
    },
  },
  {
    method: "get",
    path: "/volumes/{volume}/properties",
    role: "viewer",
    id: "getProperties",
    summary: "Show how the content of a file or folder is kept.",
    query: { path: PATH },
    answer: anyObject,
    handle: (request) => contentProperties(treeOf(request), pathOf(request)),
  },
  {
    method: "put",
    path: "/volumes/{volume}/properties",
    role: "administrator",
    id: "setProperties",
    summary: "Say how content that is written from now on is kept; what is made in a folder takes the folder's.",
    query: { path: PATH },
    body: object(
      {
        compression: {
          oneOf: [
            {
              type: "object",
              properties: {
                name: { enum: ["none", "lz4", "zstd"] },
                level: { type: "integer", minimum: 0, maximum: 19, description: "of zstd; 0 is its default" },
              },
              required: ["name", "level"],
              additionalProperties: false,
            },
            { type: "null" },
          ],
          description: "null: as the folder above",
        },
        dedupe: { enum: ["on", "off", "inherit"] },
        tier: { enum: ["fast", "slow", "any", "inherit"] },
      },
      [],
    ),
    answer: anyObject,
    changes: true,
    handle: (request) => {
      const tree = treeOf(request);
      setContentProperties(tree, pathOf(request), request.body);
      return contentProperties(tree, pathOf(request));
    },
  },

  {
    method: "get",
    path: "/volumes/{volume}/tiers",
    role: "viewer",
    id: "listTiers",
    summary: "Show how full fast and slow devices are, and the hottest files. Reads all metadata.",
    query: { count: { schema: count("files"), description: `how many (default: ${HOTTEST})` } },
    answer: anyObject,
    handle: ({ volume, query }) => listTiers(volume.opened, (query["count"] as number | undefined) ?? HOTTEST),
  },
  {
    method: "get",
    path: "/volumes/{volume}/audit",
    role: "viewer",
    id: "listAudit",
    summary: "Show the audit log: up to 1000 entries from a block on, and where to go on.",
    query: { from: { schema: count("block"), description: "first block (default: 0)" } },
    answer: object({ entries: list(anyObject), next: { type: ["integer", "null"] } }),
    handle: ({ volume, query }) => {
      const entries: AuditEntry[] = [];
      for (const entry of auditEntries(volume.opened, (query["from"] as number | undefined) ?? 0)) {
        // Pages end between blocks, which hold fewer than a hundred entries each.
        if (entries.length >= AUDIT_PAGE && entry.block !== entries.at(-1)!.block)
          return { entries, next: entry.block };
        entries.push(entry);
      }
      return { entries, next: null };
    },
  },
  {
    method: "get",
    path: "/volumes/{volume}/audit/verdict",
    role: "viewer",
    id: "verifyAudit",
    summary: "Check the audit log for tampering.",
    answer: anyObject,
    handle: ({ volume }) => auditVerdict(volume.opened, []),
  },
];

const AUDIT_PAGE = 1000;
