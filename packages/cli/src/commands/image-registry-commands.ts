/** `stratos image push|pull`: images to and from registries. */
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { FormatError } from "@stratos/formats";
import { ProgressDisplay, stratosHome } from "@stratos/host-node";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { OciLayoutFolder } from "@stratos/tools-node/outputs";
import { NodeHttpTransport } from "@stratos/tools-node/registry";
import {
  formatReference,
  parseReference,
  ReferenceError,
  RegistryClient,
  RegistryError,
  type ImageReference,
} from "@stratos/outputs";
import { writeTreeEntry } from "@stratos/pkg";
import { CommandError, UsageError } from "../command-error.ts";
import { GUEST_ARCHITECTURE } from "@stratos/images/defaults";
import { createVolume, ImageStore, readInstalledPackages } from "@stratos/images";
import { VolumeWriter } from "@stratos/images/content";
import { imageArchive, unpackImageArchive } from "../outputs/image-archive.ts";
import { registryCredentials } from "../outputs/registry-credentials.ts";
import { isArchive, openTreeSource } from "../outputs/tree-source.ts";
import { writeOutput } from "../outputs/write-output.ts";

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
  const reference = referenceOf(name);
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
    const sent = await withClient(reference, "pull,push", "Pushing", options, (client) => client.push(layout, entry));
    if (options.json === true)
      process.stdout.write(
        `${JSON.stringify({ reference: formatReference(reference), digest: entry.digest, sentBytes: sent }, null, 2)}` +
          "\n",
      );
    else process.stdout.write(`${entry.digest}\n`);
    return 0;
  } catch (error) {
    throw registryError(name, error);
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
  const reference = referenceOf(name);
  const architecture = options.arch ?? GUEST_ARCHITECTURE;
  const store = new ImageStore(stratosHome());
  const own = as ?? reference.repository.split("/").at(-1)!;
  if (options.output === undefined && store.find(own) !== null && options.force !== true)
    throw new CommandError(own, "is there already; --force replaces it");
  const scratch = mkdtempSync(join(tmpdir(), "stratos-pull-")),
    isNew = options.output !== undefined && !existsSync(options.output);
  try {
    const layout = new OciLayoutFolder(options.output ?? scratch, nodeCodecs());
    const manifest = await withClient(reference, "pull", "Pulling", options, (client) =>
      client.pull(
        layout,
        { os: "linux", architecture },
        { acceptsOther: options.output !== undefined && options.arch === undefined },
      ),
    );
    layout.publish(manifest.descriptor, reference.tag);
    if (options.output === undefined) await importLayout(scratch, own, architecture, store);
    if (options.json === true)
      process.stdout.write(
        JSON.stringify(
          {
            reference: formatReference(reference),
            digest: manifest.descriptor.digest,
            ...(options.output === undefined ? { image: own } : { layout: options.output }),
          },
          null,
          2,
        ) + "\n",
      );
    else process.stdout.write(`${manifest.descriptor.digest}\n`);
    return 0;
  } catch (error) {
    if (isNew) rmSync(options.output!, { recursive: true, force: true });
    throw registryError(name, error);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function importLayout(folder: string, name: string, architecture: string, store: ImageStore): Promise<void> {
  const opened = await openTreeSource(`oci:${folder}`, { architecture });
  const draft = store.createDraft();
  try {
    const volume = createVolume(draft.layerPath(0), name);
    let packages;
    try {
      const writer = new VolumeWriter(volume.volume.root);
      for (const entry of opened.tree.entries()) writeTreeEntry(writer, entry);
      writer.finish();
      packages = readInstalledPackages(volume.volume.root);
    } finally {
      volume.close();
    }
    draft.publish(name, {
      format: 1,
      architecture,
      suite: null,
      createdAt: new Date().toISOString(),
      packages,
      layers: 1,
      origin: "pull",
    });
  } finally {
    draft.discard();
    opened.close();
  }
}

async function withClient<T>(
  reference: ImageReference,
  access: "pull" | "pull,push",
  words: string,
  options: RegistryCommandOptions,
  work: (client: RegistryClient) => Promise<T>,
): Promise<T> {
  const transport = new NodeHttpTransport();
  const progress = new ProgressDisplay(process.stderr);
  const credentials = registryCredentials(reference, {
    env: process.env,
    home: homedir(),
    uid: process.getuid?.() ?? 0,
  });
  try {
    return await work(
      new RegistryClient(
        reference,
        access,
        { transport: transport.send, codecs: nodeCodecs() },
        {
          ...(credentials === undefined ? {} : { credentials }),
          ...(options.plainHttp === true ? { isPlain: true } : {}),
          ...(options.mountFrom === undefined ? {} : { mountFrom: options.mountFrom }),
          onProgress: (done, total) => {
            if (process.stderr.isTTY) progress.update(words, done, total, "bytes");
          },
        },
      ),
    );
  } finally {
    progress.clear();
    transport.close();
  }
}

function referenceOf(name: string): ImageReference {
  try {
    return parseReference(name);
  } catch (error) {
    if (error instanceof ReferenceError) throw new UsageError(name, error.message.replace(`${name}: `, ""));
    throw error;
  }
}

function registryError(name: string, error: unknown): unknown {
  if (!(error instanceof RegistryError || error instanceof FormatError)) return error;
  // What the client says begins with the whole name, which the command says already.
  const whole = `${formatReference(parseReference(name))}: `;
  return new CommandError(name, error.message.startsWith(whole) ? error.message.slice(whole.length) : error.message, {
    cause: error,
  });
}
