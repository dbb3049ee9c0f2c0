/** `stratos image push|pull`: images to and from registries. */
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ProgressDisplay, stratosHome } from "@stratos/host-node";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { ImageStore } from "@stratos/images";
import { GUEST_ARCHITECTURE } from "@stratos/images/defaults";
import { imageArchive, isArchive, openTreeSource, unpackImageArchive, writeOutput } from "@stratos/images/outputs";
import {
  imageReference,
  pullImage as pull,
  pullLayout,
  registryFailure,
  type RegistryOptions,
  withRegistry,
} from "@stratos/images/registry";
import { formatReference } from "@stratos/outputs";
import { OciLayoutFolder } from "@stratos/tools-node/outputs";
import { CommandError } from "../command-error.ts";
import { withProgress } from "../operation-progress.ts";

export interface RegistryCommandOptions {
  readonly plainHttp?: true;
  readonly arch?: string;
  readonly compress?: "gzip" | "zstd";
  /** into an OCI layout rather than an image of ours */
  readonly output?: string;
  /** repository of the same registry that may have layers already */
  readonly mountFrom?: string;
  readonly force?: true;
  readonly json?: true;
}

/** Pushes an OCI layout, or an archive of one, as it is, anything else as an image of one layer. */
export async function pushImage(source: string, name: string, options: RegistryCommandOptions): Promise<number> {
  const reference = imageReference(name);
  const scratch = mkdtempSync(join(tmpdir(), "stratos-push-"));
  try {
    const archive =
      existsSync(source) && statSync(source).isFile() && (await isArchive(source)) ? imageArchive(source) : undefined;
    const parts = /^oci:(.+?)(?::([A-Za-z0-9_][A-Za-z0-9._-]*))?$/.exec(source);
    let layout: OciLayoutFolder;
    if (parts !== null) {
      if (!existsSync(join(parts[1]!, "index.json"))) throw new CommandError(parts[1]!, "is no OCI image layout");
      layout = new OciLayoutFolder(parts[1]!, nodeCodecs());
    } else if (archive !== undefined) {
      unpackImageArchive(source, archive, scratch);
      layout = new OciLayoutFolder(scratch, nodeCodecs());
    } else {
      const opened = await openTreeSource(source);
      try {
        const time = Math.floor([...opened.tree.entries()].reduce((newest, entry) => Math.max(newest, entry.mtime), 0));
        writeOutput("oci", opened.tree, scratch, {
          time,
          name: "image",
          architecture: options.arch ?? opened.architecture ?? GUEST_ARCHITECTURE,
          compression: options.compress ?? "gzip",
        });
      } finally {
        opened.close();
      }
      layout = new OciLayoutFolder(scratch, nodeCodecs());
    }
    const entry = layout.entry(parts?.[2]);
    const sent = await withProgress((progress) =>
      withRegistry(reference, "pull,push", registryOptions(options, "Pushing", progress), (client) =>
        client.push(layout, entry),
      ),
    );
    if (options.json === true)
      process.stdout.write(
        `${JSON.stringify({ reference: formatReference(reference), digest: entry.digest, sentBytes: sent }, null, 2)}` +
          "\n",
      );
    else process.stdout.write(`${entry.digest}\n`);
    return 0;
  } catch (error) {
    throw registryFailure(name, error);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Pulls an image: into an OCI layout, or as an image that `stratos run` takes. */
export async function pullImage(
  name: string,
  as: string | undefined,
  options: RegistryCommandOptions,
): Promise<number> {
  const reference = imageReference(name);
  const { output } = options;
  const own = as ?? reference.repository.split("/").at(-1)!;
  const home = stratosHome();
  if (output === undefined && new ImageStore(home).find(own) !== null && options.force !== true)
    throw new CommandError(own, "is there already; --force replaces it");
  const digest = await withProgress((progress) => {
    const registry = registryOptions(options, "Pulling", progress);
    if (output !== undefined) return pullInto(output, name, options, registry);
    const architecture = options.arch ?? GUEST_ARCHITECTURE;
    return pull({ reference: name, name: own, architecture, home }, registry);
  });
  if (options.json === true)
    process.stdout.write(
      JSON.stringify(
        {
          reference: formatReference(reference),
          digest,
          ...(output === undefined ? { image: own } : { layout: output }),
        },
        null,
        2,
      ) + "\n",
    );
  else process.stdout.write(`${digest}\n`);
  return 0;
}

async function pullInto(
  folder: string,
  name: string,
  { arch }: RegistryCommandOptions,
  registry: RegistryOptions,
): Promise<string> {
  const isNew = !existsSync(folder);
  const wanted = { architecture: arch ?? GUEST_ARCHITECTURE, acceptsOther: arch === undefined };
  try {
    return await pullLayout(imageReference(name), folder, wanted, registry);
  } catch (error) {
    if (isNew) rmSync(folder, { recursive: true, force: true });
    throw registryFailure(name, error);
  }
}

function registryOptions(
  { plainHttp, mountFrom }: RegistryCommandOptions,
  words: string,
  progress: ProgressDisplay,
): RegistryOptions {
  return {
    ...(plainHttp === true ? { isPlain: true } : {}),
    ...(mountFrom === undefined ? {} : { mountFrom }),
    onProgress: (done, total) => {
      if (process.stderr.isTTY) progress.update(words, done, total, "bytes");
    },
  };
}
