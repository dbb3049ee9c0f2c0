/** Images from registries, and the way to these. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FormatError } from "@stratos/formats";
import { nodeCodecs } from "@stratos/host-node/codecs";
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
import { registryCredentials } from "./outputs/registry-credentials.ts";
import { openTreeSource } from "./outputs/tree-source.ts";

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
  const reference = imageReference(request.reference);
  const scratch = mkdtempSync(join(tmpdir(), "stratos-pull-"));
  try {
    const digest = await pullLayout(reference, scratch, { architecture, acceptsOther: false }, options);
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
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Pulls an image as it is into an OCI layout. @returns the digest of its manifest */
export async function pullLayout(
  reference: ImageReference,
  folder: string,
  wanted: { readonly architecture: string; readonly acceptsOther: boolean },
  options: RegistryOptions,
): Promise<string> {
  const layout = new OciLayoutFolder(folder, nodeCodecs());
  const { architecture, acceptsOther } = wanted;
  const manifest = await withRegistry(reference, "pull", options, (client) =>
    client.pull(layout, { os: "linux", architecture }, { acceptsOther }),
  );
  layout.publish(manifest.descriptor, reference.tag);
  return manifest.descriptor.digest;
}

/** With the credentials that this host has for the registry. */
export async function withRegistry<T>(
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
export function registryFailure(name: string, error: unknown): unknown {
  if (!(error instanceof RegistryError || error instanceof FormatError)) return error;
  // What the client says begins with the whole name, which the command says already.
  const whole = `${formatReference(parseReference(name))}: `;
  const why = error.message.startsWith(whole) ? error.message.slice(whole.length) : error.message;
  return new OperationError("image", name, why, { cause: error });
}
