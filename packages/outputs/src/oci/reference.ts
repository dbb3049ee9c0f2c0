/**
 * Names of images in registries: `registry/repository:tag@digest`. Source: OCI Distribution Specification 1.1, "Pulling
 * manifests" (the grammar of names and tags), with Docker's habits for short names.
 */

export interface ImageReference {
  /** host and port */
  readonly registry: string;
  readonly repository: string;
  readonly tag: string;
  /** `sha256:…` when the name pins one; it then counts, not the tag */
  readonly digest: string | undefined;
}

/** The name makes no sense. */
export class ReferenceError extends Error {
  override name = "ReferenceError";
}

const REPOSITORY = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** @throws ReferenceError */
export function parseReference(text: string): ImageReference {
  const [beforeDigest, digest, ...more] = text.replace(/^docker:\/\//, "").split("@");
  if (more.length > 0 || (digest !== undefined && !DIGEST.test(digest)))
    throw new ReferenceError(`${text}: what follows '@' is no sha256 digest`);
  const slash = beforeDigest!.indexOf("/");
  const first = slash === -1 ? "" : beforeDigest!.slice(0, slash);
  // A first part is a host when it could not be a repository's: it has a dot, a port, or is localhost.
  const hasHost = /[.:]/.test(first) || first === "localhost";
  let rest = hasHost ? beforeDigest!.slice(slash + 1) : beforeDigest!;
  const registry = hasHost ? first : "docker.io";
  if (!/^(\[[0-9a-f:]+\]|[A-Za-z0-9.-]+)(:[0-9]+)?$/.test(registry))
    throw new ReferenceError(`${text}: '${registry}' is no host`);
  const colon = rest.lastIndexOf(":");
  const tag = colon === -1 ? "latest" : rest.slice(colon + 1);
  if (colon !== -1) rest = rest.slice(0, colon);
  if (registry === "docker.io" && !rest.includes("/")) rest = `library/${rest}`;
  if (!REPOSITORY.test(rest))
    throw new ReferenceError(
      `${text}: '${rest}' is no repository's name (lower-case letters, digits, and . _ - / between them)`,
    );
  if (!TAG.test(tag)) throw new ReferenceError(`${text}: '${tag}' is no tag`);
  return { registry, repository: rest, tag, digest };
}

export function formatReference(reference: ImageReference): string {
  return (
    `${reference.registry}/${reference.repository}` +
    `${reference.digest === undefined ? `:${reference.tag}` : `@${reference.digest}`}`
  );
}

/** Where the registry is asked; the name docker.io stands for another host. */
export function registryHost(reference: ImageReference): string {
  return reference.registry === "docker.io" ? "registry-1.docker.io" : reference.registry;
}

/** Registries on this computer are spoken to in the clear, as other clients do. */
export function isLocalRegistry(reference: ImageReference): boolean {
  return /^(localhost|127(\.[0-9]+){3}|\[::1\])(:|$)/.test(reference.registry);
}
