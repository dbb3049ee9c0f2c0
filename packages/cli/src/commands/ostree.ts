/** `stratos ostree`: repositories of commits, beside what composes and `image convert` write into them. */
import { Command, InvalidArgumentError, Option } from "commander";
import { formatSize } from "@stratos/operation";
import { repositoryServer } from "@stratos/tools-node/packages";
import {
  applyOstreeDelta,
  checkOstreeRepository,
  describeOstreeDelta,
  expectServed,
  generateOstreeDelta,
  listOstreeDeltas,
  listOstreeRefs,
} from "@stratos/systems/ostree";
import { parseListen } from "../option-values.ts";
import { jsonOption, type Finish } from "./row-options.ts";
import { UsageError } from "../command-error.ts";
import { serveUntilStopped } from "../serve-until-stopped.ts";
import { formatTable } from "../text-table.ts";

export function ostreeCommand(finish: Finish): Command {
  const ostree = new Command("ostree")
    .summary("OSTree repositories")
    .description(
      "Repositories of OSTree commits: what is in them, whether it is whole, and what machines update themselves from.",
    )
    .usage("COMMAND");
  ostree.addCommand(
    new Command("refs")
      .description("Lists the references of a repository and the commits that they name.")
      .summary("list references")
      .argument("<repository>", "folder")
      .addOption(jsonOption())
      .action(async (repository: string, options: { json?: true }) => finish(listRefs(repository, options))),
  );
  ostree.addCommand(
    new Command("check")
      .description(
        "Reads every object of the commits that references name, or of one commit, and tells those that are " +
          "missing or have been changed.",
      )
      .summary("prove that a repository is whole")
      .argument("<repository>", "folder")
      .argument("[commit]", "reference or checksum (default: all references)")
      .addOption(jsonOption())
      .action(async (repository: string, commit: string | undefined, options: { json?: true }) =>
        finish(checkRepository(repository, commit, options)),
      ),
  );
  ostree.addCommand(
    new Command("serve")
      .description(
        "Serves a repository over HTTP until a signal ends it, for `ostree pull` and `ostree admin upgrade`. The " +
          "first line of output is its URL.",
      )
      .summary("serve a repository over HTTP")
      .argument("<repository>", "folder of a repository of mode archive")
      .addOption(
        new Option("-l, --listen <address>", "HOST:PORT, or PORT; port 0 is any that is free")
          .argParser(parseListen)
          .default({ host: "127.0.0.1", port: 0 }, "127.0.0.1:0"),
      )
      .option("-q, --quiet", "no line for each request")
      .action(async (repository: string, options: OstreeServeOptions) =>
        finish(await serveOstree(repository, options)),
      ),
  );
  ostree.addCommand(deltaCommand(finish));
  return ostree;
}

function deltaCommand(finish: Finish): Command {
  const delta = new Command("delta")
    .summary("make and apply static deltas")
    .description(
      "Static deltas: what makes one commit of another, in a few files, which `ostree pull` takes by itself and " +
        "`ostree static-delta apply-offline` from a file.",
    )
    .usage("COMMAND");
  delta.addCommand(
    new Command("generate")
      .description(
        "Makes the delta from one commit to another and announces it in the summary. Parts are packed by xz(1), " +
          "where there is one.",
      )
      .summary("make a delta")
      .argument("<repository>", "folder")
      .argument("<to>", "reference or checksum of the newer commit")
      .option("--from <commit>", "the older commit (default: the newer one's parent)")
      .option("--empty", "from nothing: all of the commit")
      .option("-o, --output <file>", "one file with everything, to be carried by hand, rather than in the repository")
      .addOption(
        new Option(
          "--time <seconds>",
          "time of what is made, in seconds since 1970 (default: the newer commit's)",
        ).argParser(parseTime),
      )
      .option("--sign <key>", "sign the summary by OpenPGP anew: name of a key (`stratos pkg key`), or file")
      .option("--sign-ed25519 <file>", "sign it by Ed25519")
      .addOption(jsonOption())
      .action(async (repository: string, to: string, options: DeltaGenerateOptions) =>
        finish(await generateDelta(repository, to, options)),
      ),
  );
  delta.addCommand(
    new Command("list")
      .alias("ls")
      .description("Lists the deltas of a repository.")
      .summary("list deltas")
      .argument("<repository>", "folder")
      .addOption(jsonOption())
      .action(async (repository: string, options: { json?: true }) => finish(listDeltasOf(repository, options))),
  );
  delta.addCommand(
    new Command("show")
      .description("Tells what a delta is made of.")
      .summary("tell what a delta is made of")
      .argument("<file>", "a delta's file or superblock; or a repository, with a delta's name behind it")
      .argument("[name]", "FROM-TO, or TO")
      .addOption(jsonOption())
      .action(async (file: string, name: string | undefined, options: { json?: true }) =>
        finish(showDelta(file, name, options)),
      ),
  );
  delta.addCommand(
    new Command("apply")
      .description(
        "Puts the commit that a delta makes into a repository. Every object is proved; the commit comes last.",
      )
      .summary("apply a delta")
      .argument("<repository>", "folder")
      .argument("<file>", "a delta's file, or a superblock with its parts beside it")
      .option("--ref <ref>", "make this reference name the commit")
      .addOption(jsonOption())
      .action(async (repository: string, file: string, options: { ref?: string; json?: true }) =>
        finish(await applyDeltaTo(repository, file, options)),
      ),
  );
  return delta;
}

function parseTime(text: string): number {
  if (!/^\d{1,12}$/.test(text)) throw new InvalidArgumentError("expected seconds since 1970");
  return Number(text);
}

interface OstreeServeOptions {
  readonly listen: { host: string; port: number };
  readonly quiet?: true;
}

interface JsonOptions {
  readonly json?: true;
}

function listRefs(path: string, options: JsonOptions): number {
  const rows = listOstreeRefs(path);
  if (options.json === true) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
  else
    process.stdout.write(
      formatTable(
        ["REFERENCE", "COMMIT", "VERSION", "TIME", "SUBJECT"],
        rows.map((row) => [row.ref, row.checksum.slice(0, 16), row.version ?? "", row.time.slice(0, 19), row.subject]),
      ),
    );
  return 0;
}

function checkRepository(path: string, commit: string | undefined, options: JsonOptions): number {
  const checked = checkOstreeRepository(path, commit);
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify(checked, null, 2)}\n`
      : checked.map(({ commit: name, files }) => `${name}: ${files} files, whole\n`).join(""),
  );
  return 0;
}

function serveOstree(path: string, options: OstreeServeOptions): Promise<number> {
  expectServed(path);
  const log = options.quiet === true ? () => {} : (line: string) => void process.stderr.write(`${line}\n`);
  return serveUntilStopped(repositoryServer(path, log, "ostree"), options.listen);
}

interface DeltaGenerateOptions {
  readonly from?: string;
  readonly empty?: true;
  readonly output?: string;
  readonly time?: number;
  readonly sign?: string;
  readonly signEd25519?: string;
  readonly json?: true;
}

async function generateDelta(path: string, name: string, options: DeltaGenerateOptions): Promise<number> {
  const { from, empty, output, time, sign: gpg, signEd25519: ed25519 } = options;
  if (from !== undefined && empty === true) throw new UsageError("--empty", "and --from do not go together");
  if (output !== undefined && (gpg ?? ed25519) !== undefined)
    throw new UsageError("--output", "a file by itself is in no summary that could be signed");
  const row = await generateOstreeDelta(path, name, {
    from: empty === true ? null : from,
    output,
    time,
    sign: { ...(gpg === undefined ? {} : { gpg }), ...(ed25519 === undefined ? {} : { ed25519 }) },
  });
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify(row, null, 2)}\n`
      : `${row.path}\n${row.objects} objects of ${formatSize(row.unpackedBytes)} in ${formatSize(row.sizeBytes)}\n`,
  );
  return 0;
}

function listDeltasOf(path: string, options: JsonOptions): number {
  const rows = listOstreeDeltas(path);
  if (options.json === true) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
  else
    process.stdout.write(
      formatTable(
        ["FROM", "TO", "PARTS", "SIZE"],
        rows.map(({ from, to, parts, sizeBytes }) => [
          from?.slice(0, 16) ?? "",
          to.slice(0, 16),
          String(parts),
          formatSize(sizeBytes),
        ]),
      ),
    );
  return 0;
}

function showDelta(path: string, name: string | undefined, options: JsonOptions): number {
  const shown = describeOstreeDelta(path, name);
  if (options.json === true) process.stdout.write(`${JSON.stringify(shown, null, 2)}\n`);
  else {
    process.stdout.write(
      `From:      ${shown.from ?? "nothing"}\nTo:        ${shown.to}\nTime:      ${shown.time}\nObjects:   \
${shown.files} files, ${shown.dirtrees} dirtrees, ${shown.dirmetas} dirmetas\nElsewhere: ${shown.fallbacks.length} \
files\n${formatTable(
        ["PART", "SIZE", "UNPACKED", "OBJECTS"],
        shown.parts.map(({ sizeBytes, unpackedBytes, objects }, index) => [
          String(index),
          formatSize(sizeBytes),
          formatSize(unpackedBytes),
          String(objects),
        ]),
      )}`,
    );
  }
  return 0;
}

async function applyDeltaTo(
  path: string,
  file: string,
  options: JsonOptions & { readonly ref?: string },
): Promise<number> {
  const commit = await applyOstreeDelta(path, file, options.ref);
  process.stdout.write(
    options.json === true ? `${JSON.stringify({ commit, ref: options.ref ?? null }, null, 2)}\n` : `${commit}\n`,
  );
  return 0;
}
