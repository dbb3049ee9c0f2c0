/** `stratos ostree`: repositories of commits, beside what composes and `image convert` write into them. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import {
  FormatError,
  OstreeReader,
  type OstreeCommit,
  deltaPath,
  listDeltas,
  OstreeRepository,
  parseDeltaName,
} from "@stratos/formats";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { RepositoryFolder, applyDelta, readDelta, writeDelta } from "@stratos/tools-node/outputs";
import { repositoryServer } from "@stratos/tools-node/packages";
import { writeFile } from "@stratos/images/outputs";
import { formatSize } from "@stratos/operation";
import { parseListen } from "../option-values.ts";
import { jsonOption, type Finish } from "./row-options.ts";
import { CommandError, hostReason, UsageError } from "../command-error.ts";
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
      .action(async (repository: string, options: { json?: true }) => finish(await listRefs(repository, options))),
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
        finish(await checkRepository(repository, commit, options)),
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
      .action(async (repository: string, options: { json?: true }) => finish(await listDeltasOf(repository, options))),
  );
  delta.addCommand(
    new Command("show")
      .description("Tells what a delta is made of.")
      .summary("tell what a delta is made of")
      .argument("<file>", "a delta's file or superblock; or a repository, with a delta's name behind it")
      .argument("[name]", "FROM-TO, or TO")
      .addOption(jsonOption())
      .action(async (file: string, name: string | undefined, options: { json?: true }) =>
        finish(await showDelta(file, name, options)),
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

function listRefs(path: string, options: { readonly json?: true }): Promise<number> {
  return withRepository(path, ({ reader, refs }) => {
    const rows = refs().map((ref) => {
      const { checksum, parent, subject, timestamp, metadata } = reader.commit(ref);
      return {
        ref,
        checksum,
        parent,
        subject,
        version: metadata.get("version") ?? null,
        time: new Date(timestamp * 1000).toISOString(),
      };
    });
    if (options.json === true) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
    else
      process.stdout.write(
        formatTable(
          ["REFERENCE", "COMMIT", "VERSION", "TIME", "SUBJECT"],
          rows.map((row) => [
            row.ref,
            row.checksum.slice(0, 16),
            row.version ?? "",
            row.time.slice(0, 19),
            row.subject,
          ]),
        ),
      );
    return 0;
  });
}

function checkRepository(path: string, commit: string | undefined, options: { readonly json?: true }): Promise<number> {
  return withRepository(path, ({ reader, refs }) => {
    const names = commit === undefined ? refs() : [commit],
      checked: { commit: string; files: number; bytes: number }[] = [];
    const buffer = new Uint8Array(1 << 20);
    for (const own of new Map(
      names.map((name): [string, OstreeCommit] => {
        const one = reader.commit(name);
        return [one.checksum, one];
      }),
    ).values()) {
      let files = 0,
        bytes = 0;
      for (const { content } of reader.tree(own).entries()) {
        if (content === null) continue;
        files++;
        for (let at = 0; at < content.sizeBytes;) {
          const count = content.read(at, buffer);
          if (count <= 0) break;
          at += count;
          bytes += count;
        }
      }
      checked.push({ commit: own.checksum, files, bytes });
    }
    process.stdout.write(
      options.json === true
        ? `${JSON.stringify(checked, null, 2)}\n`
        : checked.map(({ commit: name, files }) => `${name}: ${files} files, whole\n`).join(""),
    );
    return 0;
  });
}

function serveOstree(path: string, options: OstreeServeOptions): Promise<number> {
  return withRepository(path, ({ reader }) => {
    // Others are for checkouts on the same computer: clients pull packed files.
    if (reader.mode !== "archive")
      throw new CommandError(path, `has mode ${reader.mode}; repositories of mode archive are served`);
    return serveUntilStopped(
      repositoryServer(
        path,
        options.quiet === true ? () => {} : (line) => void process.stderr.write(`${line}\n`),
        "ostree",
      ),
      options.listen,
    );
  });
}

/** @throws CommandError  also for what is damaged */
function withRepository(
  path: string,
  work: (repository: { reader: OstreeReader; store: RepositoryFolder; refs(): string[] }) => number | Promise<number>,
): Promise<number> {
  return tellingFormat(path, () => {
    if (!existsSync(join(path, "config"))) throw new CommandError(path, "is no OSTree repository");
    const store = new RepositoryFolder(path, { readOnly: true });
    return work({ reader: new OstreeReader(store, nodeCodecs()), store, refs: () => store.list("refs/heads").sort() });
  });
}

/** What is damaged, told with its place. */
async function tellingFormat<T>(what: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof FormatError ? new CommandError(what, error.message, { cause: error }) : error;
  }
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

function generateDelta(path: string, name: string, options: DeltaGenerateOptions): Promise<number> {
  if (options.from !== undefined && options.empty === true)
    throw new UsageError("--empty", "and --from do not go together");
  if (options.output !== undefined && (options.sign ?? options.signEd25519) !== undefined)
    throw new UsageError("--output", "a file by itself is in no summary that could be signed");
  return withRepository(path, async ({ reader }) => {
    const store = new RepositoryFolder(path),
      to = reader.commit(name),
      older = options.empty === true ? null : (options.from ?? to.parent);
    if (older === null && options.empty !== true)
      throw new CommandError(name, "has no parent; --from names another commit, --empty makes a delta from nothing");
    const from = older === null ? null : reader.commit(older);
    if (from?.checksum === to.checksum) throw new CommandError(name, "the two commits are one");
    const { superblock, parts, patchedFiles } = writeDelta(
      store,
      reader,
      { from, to },
      { time: options.time ?? to.timestamp, ...(options.output === undefined ? {} : { file: options.output }) },
      (file, bytes) => void writeFile(file, [bytes]),
    );
    if (options.output === undefined) {
      new OstreeRepository(store, nodeCodecs(), reader.mode).writeSummary(to.timestamp);
      if ((options.sign ?? options.signEd25519) !== undefined) {
        const { signRepository } = await import("@stratos/systems/packages");
        await signRepository(
          path,
          reader.mode,
          to.checksum,
          {
            ...(options.sign === undefined ? {} : { gpg: options.sign }),
            ...(options.signEd25519 === undefined ? {} : { ed25519: options.signEd25519 }),
          },
          to.timestamp,
        );
      }
    }
    const row = {
      from: from?.checksum ?? null,
      to: to.checksum,
      parts: parts.length,
      objects: parts.reduce((sum, { objects }) => sum + objects, 0),
      patchedFiles,
      sizeBytes:
        options.output === undefined
          ? superblock.length + parts.reduce((sum, { bytes }) => sum + bytes.length, 0)
          : superblock.length,
      unpackedBytes: parts.reduce((sum, { unpackedBytes }) => sum + unpackedBytes, 0),
      path: options.output ?? join(path, deltaPath(from?.checksum ?? null, to.checksum, "superblock")),
    };
    process.stdout.write(
      options.json === true
        ? `${JSON.stringify(row, null, 2)}\n`
        : `${row.path}\n${row.objects} objects of ${formatSize(row.unpackedBytes)} in ${formatSize(row.sizeBytes)}\n`,
    );
    return 0;
  });
}

function listDeltasOf(path: string, options: { readonly json?: true }): Promise<number> {
  return withRepository(path, ({ store }) => {
    const rows = listDeltas(store).map(({ from, to }) => {
      const { delta } = readDelta(join(path, deltaPath(from, to, "superblock")));
      return {
        from,
        to,
        parts: delta.parts.length,
        sizeBytes: delta.parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      };
    });
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
  });
}

function showDelta(path: string, name: string | undefined, options: { readonly json?: true }): Promise<number> {
  return tellingFormat(path, () => {
    if (!existsSync(path)) throw new CommandError(path, "no such file");
    if (statSync(path).isDirectory() !== (name !== undefined))
      throw new UsageError(
        path,
        name === undefined
          ? "is a folder; name a delta of it, FROM-TO or TO"
          : "is no repository, and a name makes no sense behind it",
      );
    let file = path;
    if (name !== undefined) {
      const { from, to } = parseDeltaName(name);
      file = join(path, deltaPath(from, to, "superblock"));
      if (!existsSync(file)) throw new CommandError(name, `no such delta in ${path}`);
    }
    const { delta } = readDelta(file),
      count = (kind: string): number =>
        delta.parts.reduce((sum, { objects }) => sum + objects.filter((one) => one.kind === kind).length, 0);
    const shown = {
      from: delta.from,
      to: delta.to,
      time: new Date(delta.time * 1000).toISOString(),
      isSigned: delta.isSigned,
      hasCommitSignatures: delta.signatures !== null,
      parts: delta.parts.map(({ checksum, sizeBytes, unpackedBytes, objects, inline }) => ({
        checksum,
        sizeBytes,
        unpackedBytes,
        objects: objects.length,
        isInline: inline !== null,
      })),
      files: count("file"),
      dirtrees: count("dirtree"),
      dirmetas: count("dirmeta"),
      fallbacks: delta.fallbacks,
    };
    if (options.json === true) process.stdout.write(`${JSON.stringify(shown, null, 2)}\n`);
    else {
      process.stdout.write(
        `From:      ${delta.from ?? "nothing"}\nTo:        ${delta.to}\nTime:      ${shown.time}\nObjects:   \
${shown.files} files, ${shown.dirtrees} dirtrees, ${shown.dirmetas} dirmetas\nElsewhere: ${delta.fallbacks.length} \
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
  });
}

function applyDeltaTo(
  path: string,
  file: string,
  options: { readonly ref?: string; readonly json?: true },
): Promise<number> {
  return withRepository(path, async ({ reader }) => {
    const repository = new OstreeRepository(new RepositoryFolder(path), nodeCodecs(), reader.mode);
    let to: string;
    try {
      ({ to } = await tellingFormat(file, () => applyDelta(file, reader, repository)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
      throw new CommandError(file, hostReason(error), { cause: error });
    }
    if (options.ref !== undefined) repository.setRef(options.ref, to);
    process.stdout.write(
      options.json === true ? `${JSON.stringify({ commit: to, ref: options.ref ?? null }, null, 2)}\n` : `${to}\n`,
    );
    return 0;
  });
}
