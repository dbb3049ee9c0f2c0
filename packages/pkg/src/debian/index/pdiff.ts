/**
 * Package lists brought up to date by differences: `Packages.diff/Index` names the states of the past days, and for
 * each the patch that leads on from it. Patches are ed scripts as `diff --ed` writes them. What comes out is believed
 * only when it has the hash of the signed list; whatever goes wrong before, the list is fetched whole.
 *
 * Source: https://wiki.debian.org/DebianRepository/Format, "Diffs"; diff(1), --ed; apt's `Acquire::PDiffs` for the
 * limits.
 */
import { byteStringOf } from "@stratos/base";
import { download, IntegrityError, readVerified, type WantedFile } from "../../download.ts";
import { FetchError, type PackagePorts } from "../../ports.ts";
import { ControlError, parseSingleStanza } from "../control.ts";
import type { Release } from "../release.ts";

/** Patches that are applied one after the other; with more, the whole list is sooner there. */
const PATCHES_MAX = 40;
/** A patch of a day is some hundred kilobytes. */
const PATCH_SIZE_MAX = 64 << 20;
const INDEX_SIZE_MAX = 4 << 20;

/** Differences that do not fit, or are no differences. */
export class PatchError extends Error {
  override name = "PatchError";
}

interface ListedFile {
  sha256: string;
  sizeBytes: number;
  name: string;
}

interface DiffIndex {
  current: { sha256: string; sizeBytes: number };
  /** states, oldest first, and the name of the patch that leads on from each */
  history: ListedFile[];
  /** name → the patch itself */
  patches: ReadonlyMap<string, ListedFile>;
  /** name with suffix → the patch as it is fetched */
  downloads: ReadonlyMap<string, ListedFile>;
  /** each patch leads to the current state at once */
  isMerged: boolean;
}

/** @throws PatchError */
function parseDiffIndex(text: string): DiffIndex {
  let stanza;
  try {
    stanza = parseSingleStanza(text, "Packages.diff/Index");
  } catch (cause) {
    if (cause instanceof ControlError) throw new PatchError(cause.message, { cause });
    throw cause;
  }
  const lines = (field: string): ListedFile[] =>
    (stanza.get(field) ?? "")
      .split("\n")
      .filter((line) => line.trim() !== "")
      .map((line) => {
        const match = /^\s*([0-9a-f]{64})\s+([0-9]{1,15})(?:\s+([A-Za-z0-9][A-Za-z0-9.+_-]*))?\s*$/.exec(line);
        if (match === null) throw new PatchError(`Packages.diff/Index: malformed ${field}: ${line.slice(0, 100)}`);
        return { sha256: match[1]!, sizeBytes: Number(match[2]), name: match[3] ?? "" };
      });
  const [current] = lines("SHA256-Current");
  if (current === undefined) throw new PatchError("Packages.diff/Index: no SHA256-Current");
  const byName = (field: string): Map<string, ListedFile> => new Map(lines(field).map((one) => [one.name, one]));
  return {
    current,
    history: lines("SHA256-History"),
    patches: byName("SHA256-Patches"),
    downloads: byName("SHA256-Download"),
    isMerged: stanza.get("X-Patch-Precedence") === "merged",
  };
}

/** The patches that lead from a state to the current one, in order; undefined when there is no such way. */
function patchesFrom(index: DiffIndex, sha256: string): ListedFile[] | undefined {
  const at = index.history.findIndex((state) => state.sha256 === sha256);
  if (at < 0) return undefined;
  const names = index.isMerged ? [index.history[at]!.name] : index.history.slice(at).map((state) => state.name);
  const patches = names.map((name) => index.patches.get(name));
  return patches.length > PATCHES_MAX || patches.includes(undefined) ? undefined : (patches as ListedFile[]);
}

interface Edit {
  from: number;
  to: number;
  lines: string[];
}

/**
 * Applies an ed script to a text of lines. The script's commands go from the end to the beginning, so that line numbers
 * are those of the text before.
 *
 * @throws PatchError  it is none, or does not fit the text
 */
export function applyEdScript(lines: readonly string[], script: string): string[] {
  const edits = parseEdScript(script);
  const result: string[] = [];
  let at = 0;
  for (let index = edits.length - 1; index >= 0; index--) {
    const { from, to, lines: fresh } = edits[index]!;
    if (from < at || to > lines.length)
      throw new PatchError(`the differences do not fit: line ${from + 1} of ${lines.length}`);
    while (at < from) result.push(lines[at++]!);
    for (const line of fresh) result.push(line);
    at = to;
  }
  while (at < lines.length) result.push(lines[at++]!);
  return result;
}

/** Lines `from` up to before `to` become `lines`; as in the script, the last of the text first. */
function parseEdScript(script: string): Edit[] {
  const edits: Edit[] = [];
  const commands = script.split("\n");
  if (commands.at(-1) === "") commands.pop();
  for (let at = 0; at < commands.length;) {
    const command = commands[at++]!;
    const match = /^([0-9]{1,9})(?:,([0-9]{1,9}))?([acd])$/.exec(command);
    if (match === null) throw new PatchError(`not a command of ed: ${command.slice(0, 60)}`);
    const first = Number(match[1]),
      last = Number(match[2] ?? first);
    const lines: string[] = [];
    if (match[3] !== "d") {
      // A line that is a single dot ends the text; diff writes such a line as two dots and has ed take one away again.
      for (let isOpen = true; isOpen;) {
        const line = commands[at++];
        if (line === undefined) throw new PatchError("the differences are cut short");
        if (line !== ".") {
          lines.push(line);
          continue;
        }
        isOpen = false;
        if (commands[at] === "s/.//" && lines.at(-1) === "..") {
          lines[lines.length - 1] = ".";
          at++;
          // What follows goes on behind it.
          if (commands[at] === "a") {
            at++;
            isOpen = true;
          }
        }
      }
    }
    const from = match[3] === "a" ? first : first - 1,
      to = match[3] === "a" ? first : last;
    if (
      from < 0 ||
      last < first ||
      (match[3] === "a" && match[2] !== undefined) ||
      (edits.length > 0 && to > edits.at(-1)!.from)
    )
      throw new PatchError(`the commands of the differences are out of order: ${command}`);
    edits.push({ from, to, lines });
  }
  return edits;
}

interface PatchJob {
  ports: PackagePorts;
  release: Release;
  suiteUrl: string;
  /** `main/binary-riscv64/Packages` */
  name: string;
  /** the list of last time */
  held: Uint8Array;
  /** what fetching the list whole would take */
  wholeBytes: number;
}

/**
 * The list of the release, made from the one that is held; undefined when that cannot be, or takes more than fetching
 * it whole.
 */
export async function listByPatches(job: PatchJob): Promise<Uint8Array | undefined> {
  const listed = job.release.files.get(`${job.name}.diff/Index`);
  if (listed === undefined || listed.sizeBytes > INDEX_SIZE_MAX) return undefined;
  try {
    return await patched(job, listed);
  } catch (error) {
    if (error instanceof PatchError || error instanceof FetchError || error instanceof IntegrityError) return undefined;
    throw error;
  }
}

async function patched(job: PatchJob, listed: { sha256: string; sizeBytes: number }): Promise<Uint8Array | undefined> {
  const { ports, release, suiteUrl, name, held } = job;
  const folder = `${suiteUrl}/${name}.diff`;
  const index = parseDiffIndex(
    ports.latin1(
      await fetchSmall(ports, {
        urls: [...(release.acquireByHash ? [`${folder}/by-hash/SHA256/${listed.sha256}`] : []), `${folder}/Index`],
        path: `lists/${listed.sha256}.diff-index`,
        ...listed,
      }),
    ),
  );
  // The signed list says what is to come out; an index that speaks of another state is of another time.
  const whole = release.files.get(name);
  if (whole !== undefined && whole.sha256 !== index.current.sha256) return undefined;
  if (sha256Of(ports, held) === index.current.sha256) return held;
  const patches = patchesFrom(index, sha256Of(ports, held));
  if (patches === undefined) return undefined;
  const packed = patches.map((patch) => index.downloads.get(`${patch.name}.gz`));
  if (packed.includes(undefined) || packed.reduce((sum, one) => sum + one!.sizeBytes, 0) > job.wholeBytes)
    return undefined;
  const text = ports.latin1(held);
  if (!text.endsWith("\n")) return undefined;
  let lines = text.slice(0, -1).split("\n");
  for (const [at, patch] of patches.entries()) {
    const file = packed[at]!;
    const bytes = await fetchSmall(ports, {
      urls: [...(release.acquireByHash ? [`${folder}/by-hash/SHA256/${file.sha256}`] : []), `${folder}/${file.name}`],
      path: `lists/${file.sha256}.diff`,
      sha256: file.sha256,
      sizeBytes: file.sizeBytes,
    });
    const script = await ports.decompress("gzip", bytes, PATCH_SIZE_MAX);
    if (script.length !== patch.sizeBytes || sha256Of(ports, script) !== patch.sha256)
      throw new PatchError(`${file.name}: is not what the index says`);
    lines = applyEdScript(lines, ports.latin1(script));
  }
  const result = byteStringOf(`${lines.join("\n")}\n`);
  return result.length === index.current.sizeBytes && sha256Of(ports, result) === index.current.sha256
    ? result
    : undefined;
}

/** Fetches a file that nobody needs twice. */
async function fetchSmall(ports: PackagePorts, file: WantedFile): Promise<Uint8Array> {
  await download(ports, file, () => {});
  const bytes = await readVerified(ports, file);
  await ports.store.remove(file.path);
  if (bytes === undefined) throw new FetchError(`${file.urls[0]}: vanished from the store`, { isPermanent: true });
  return bytes;
}

function sha256Of(ports: PackagePorts, bytes: Uint8Array): string {
  const hasher = ports.hasher("sha256");
  hasher.update(bytes);
  return hasher.hex();
}
