/** Images from registries, and the way to these. */
import { existsSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { FormatError } from "@stratos/formats";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { removeAtDeath, scratchFolder } from "@stratos/host-node/files";
import { userHome } from "@stratos/host-node/home";
import { OperationError } from "@stratos/operation";
import {
  formatReference,
  type ImageReference,
  parseReference,
  ReferenceError,
  RegistryClient,
  RegistryError,
} from "@stratos/outputs";
import { OciLayoutFolder } from "@stratos/tools-node/outputs";
import { NodeHttpTransport } from "@stratos/tools-node/registry";
import { GUEST_ARCHITECTURE } from "./defaults.ts";
import { newImage, writeTree } from "./import-image.ts";
import { imageArchive, unpackImageArchive } from "./outputs/image-archive.ts";
import { registryCredentials } from "./outputs/registry-credentials.ts";
import { isArchive, newestTime, openTreeSource } from "./outputs/tree-source.ts";
import { writeOutput } from "./outputs/write-output.ts";

export interface RegistryOptions {
  /** HTTP without TLS. */
  readonly isPlain?: boolean;
  /** Repository of the same registry that may have layers already. */
  readonly mountFrom?: string;
  onProgress?(doneBytes: number, totalBytes: number): void;
}

/**
 * Pulls an image that `stratos run` and sandboxes take; it is there, whole, at the very end.
 *
 * @param request.reference  `HOST/NAME:TAG`
 * @param request.name  of the image; one that is there is replaced
 * @returns the digest of its manifest
 * @throws OperationError
 */
export async function pullImage(
  request: { readonly reference: string; readonly name: string; readonly architecture?: string; readonly home: string },
  options: RegistryOptions = {},
): Promise<string> {
  const { name, architecture = GUEST_ARCHITECTURE } = request;
  const { path: scratch, remove } = scratchFolder("stratos-pull-");
  try {
    const digest = await pullLayout(request.reference, scratch, { architecture, acceptsOther: false }, options);
    const opened = await openTreeSource(`oci:${scratch}`, { architecture });
    try {
      const image = { name, home: request.home, architecture, origin: "pull" } as const;
      await newImage(image, (writer) => writeTree(opened.tree, writer));
    } finally {
      opened.close();
    }
    return digest;
  } catch (error) {
    throw registryFailure(request.reference, error);
  } finally {
    remove();
  }
}

/**
 * Pulls an image as it is into an OCI layout, which is not there when it fails and was not before.
 *
 * @returns the digest of its manifest
 * @throws OperationError
 */
export async function pullLayout(
  name: string,
  folder: string,
  wanted: { readonly architecture: string; readonly acceptsOther: boolean },
  options: RegistryOptions,
): Promise<string> {
  const reference = imageReference(name);
  const isNew = !existsSync(folder);
  const stopGuarding = isNew ? removeAtDeath(folder) : () => {};
  const { architecture, acceptsOther } = wanted;
  try {
    const layout = new OciLayoutFolder(folder, nodeCodecs());
    const manifest = await withRegistry(reference, "pull", options, (client) =>
      client.pull(layout, { os: "linux", architecture }, { acceptsOther }),
    );
    layout.publish(manifest.descriptor, reference.tag);
    return manifest.descriptor.digest;
  } catch (error) {
    if (isNew) rmSync(folder, { recursive: true, force: true });
    throw registryFailure(name, error);
  } finally {
    stopGuarding();
  }
}

/**
 * Pushes an OCI layout, or an archive of one, as it is, anything else as an image of one layer.
 *
 * @param source  as commands name it (tree-source.ts)
 * @param image  of one layer
 * @throws OperationError
 */
export async function pushImage(
  source: string,
  name: string,
  image: { readonly architecture: string | undefined; readonly compression: "gzip" | "zstd" },
  options: RegistryOptions,
): Promise<{ readonly digest: string; readonly sentBytes: number }> {
  const reference = imageReference(name);
  const { path: scratch, remove } = scratchFolder("stratos-push-");
  try {
    const [, folder = scratch, tag] = /^oci:(.+?)(?::([A-Za-z0-9_][A-Za-z0-9._-]*))?$/.exec(source) ?? [];
    if (folder === scratch) await writeLayout(source, scratch, image);
    else if (!existsSync(join(folder, "index.json")))
      throw new OperationError("image", folder, "is no OCI image layout");
    const layout = new OciLayoutFolder(folder, nodeCodecs());
    const entry = layout.entry(tag);
    const sentBytes = await withRegistry(reference, "pull,push", options, (client) => client.push(layout, entry));
    return { digest: entry.digest, sentBytes };
  } catch (error) {
    throw registryFailure(name, error);
  } finally {
    remove();
  }
}

async function writeLayout(
  source: string,
  folder: string,
  { architecture, compression }: Parameters<typeof pushImage>[2],
): Promise<void> {
  const archive =
    statSync(source, { throwIfNoEntry: false })?.isFile() === true && (await isArchive(source))
      ? imageArchive(source)
      : undefined;
  if (archive !== undefined) return unpackImageArchive(source, archive, folder);
  const opened = await openTreeSource(source);
  try {
    writeOutput("oci", opened.tree, folder, {
      time: newestTime(opened.tree),
      name: "image",
      architecture: architecture ?? opened.architecture ?? GUEST_ARCHITECTURE,
      compression,
    });
  } finally {
    opened.close();
  }
}

/** With the credentials that this host has for the registry. */
async function withRegistry<T>(
  reference: ImageReference,
  access: "pull" | "pull,push",
  { isPlain, mountFrom, onProgress }: RegistryOptions,
  work: (client: RegistryClient) => Promise<T>,
): Promise<T> {
  const transport = new NodeHttpTransport();
  const credentials = registryCredentials(reference, {
    env: process.env,
    home: userHome(),
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
          ...(isPlain === undefined ? {} : { isPlain }),
          ...(mountFrom === undefined ? {} : { mountFrom }),
          ...(onProgress === undefined ? {} : { onProgress }),
        },
      ),
    );
  } finally {
    transport.close();
  }
}

/** @throws OperationError of kind option */
export function imageReference(name: string): ImageReference {
  try {
    return parseReference(name);
  } catch (error) {
    if (error instanceof ReferenceError)
      throw new OperationError("option", name, error.message.replace(`${name}: `, ""), { cause: error });
    throw error;
  }
}

/** What a registry or an image of it failed on, in words; other errors as they are. */
function registryFailure(name: string, error: unknown): unknown {
  if (!(error instanceof RegistryError || error instanceof FormatError)) return error;
  // What the client says begins with the whole name, which the command says already.
  const whole = `${formatReference(parseReference(name))}: `;
  const why = error.message.startsWith(whole) ? error.message.slice(whole.length) : error.message;
  return new OperationError("image", name, why, { cause: error });
}
