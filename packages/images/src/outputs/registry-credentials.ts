/**
 * Who signs in at a registry: `$STRATOS_REGISTRY_AUTH`, else what `podman login`, `skopeo login` or `docker login`
 * left, or the helper that their files name. Source: containers-auth.json(5); docker-login(1), "Credential stores".
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ImageReference, RegistryCredentials } from "@stratos/outputs";
import { hostReason } from "@stratos/host-node/home";
import { OperationError } from "@stratos/operation";

/** What of this host decides. */
interface CredentialPlaces {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly uid: number;
}

interface AuthEntry {
  readonly auth?: string;
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
}
interface AuthFile {
  readonly auths?: Readonly<Record<string, AuthEntry>>;
  readonly credHelpers?: Readonly<Record<string, string>>;
  readonly credsStore?: string;
}

/** @throws OperationError  a file or a helper that is there says nothing that makes sense */
export function registryCredentials(
  reference: Pick<ImageReference, "registry" | "repository">,
  places: CredentialPlaces,
): RegistryCredentials | undefined {
  const own = places.env["STRATOS_REGISTRY_AUTH"];
  if (own !== undefined && own !== "")
    return split(own) ?? fail(new OperationError("option", "STRATOS_REGISTRY_AUTH", "has not the form USER:PASSWORD"));
  for (const path of filesOf(places)) {
    const file = readAuthFile(path);
    const found = entryOf(file.auths ?? {}, reference);
    const helper = file.credHelpers?.[reference.registry] ?? file.credsStore;
    const credentials =
      (helper === undefined ? undefined : askHelper(helper, serverOf(reference.registry), places)) ??
      (found === undefined ? undefined : credentialsIn(found, path));
    if (credentials !== undefined) return credentials;
  }
  return undefined;
}

/** The first that knows the registry counts. One that the environment names is the only one. */
function filesOf({ env, home, uid }: CredentialPlaces): string[] {
  const named = env["REGISTRY_AUTH_FILE"];
  if (named !== undefined && named !== "")
    return existsSync(named)
      ? [named]
      : fail(new OperationError("image", named, "no such file (REGISTRY_AUTH_FILE names it)"));
  const runtime = env["XDG_RUNTIME_DIR"];
  return [
    runtime === undefined || runtime === ""
      ? `/run/containers/${uid}/auth.json`
      : join(runtime, "containers/auth.json"),
    join(env["XDG_CONFIG_HOME"] || join(home, ".config"), "containers/auth.json"),
    join(env["DOCKER_CONFIG"] || join(home, ".docker"), "config.json"),
  ].filter((path) => existsSync(path));
}

function readAuthFile(path: string): AuthFile {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    return typeof value === "object" && value !== null ? value : {};
  } catch (error) {
    throw new OperationError(
      "image",
      path,
      error instanceof SyntaxError ? "is not JSON, so nobody can sign in by it" : hostReason(error),
      { cause: error },
    );
  }
}

/**
 * The most particular name counts: `host/group/name`, `host/group`, `host`; then the forms that docker has written for
 * hosts.
 */
function entryOf(
  auths: Readonly<Record<string, AuthEntry>>,
  { registry, repository }: Pick<ImageReference, "registry" | "repository">,
): AuthEntry | undefined {
  const parts = [registry, ...repository.split("/")];
  for (let count = parts.length; count > 0; count--) {
    const found = auths[parts.slice(0, count).join("/")];
    if (found !== undefined) return found;
  }
  return Object.entries(auths).find(([name]) => hostOf(name) === registry)?.[1];
}

/** `https://index.docker.io/v1/` is docker.io; `http://host:5000/v2/` is `host:5000`. */
function hostOf(name: string): string {
  const host = name.replace(/^https?:\/\//, "").replace(/\/(v[12]\/?)?$/, "");
  return ["index.docker.io", "registry-1.docker.io"].includes(host) ? "docker.io" : host;
}

/** What helpers call it. */
function serverOf(registry: string): string {
  return registry === "docker.io" ? "https://index.docker.io/v1/" : registry;
}

function credentialsIn(entry: AuthEntry, path: string): RegistryCredentials | undefined {
  if (typeof entry.auth === "string" && entry.auth !== "")
    return (
      split(Buffer.from(entry.auth, "base64").toString("utf8")) ??
      fail(new OperationError("image", path, "holds a name and password that cannot be read; sign in anew"))
    );
  return typeof entry.username === "string" && typeof entry.password === "string"
    ? { username: entry.username, password: entry.password }
    : undefined;
}

/** Of helpers that know nobody: docker's own words, which they print on standard output. */
const KNOWS_NOBODY = /credentials not found/i;
const HELPER_MS_MAX = 60_000;

/** `docker-credential-NAME get` reads the server's name, and answers with JSON. */
function askHelper(name: string, server: string, { env }: CredentialPlaces): RegistryCredentials | undefined {
  const program = `docker-credential-${name}`;
  if (!/^[A-Za-z0-9._-]+$/.test(name)) throw new OperationError("image", name, "is no name of a credential helper");
  const { status, stdout, stderr, error } = spawnSync(program, ["get"], {
    input: server,
    encoding: "utf8",
    env: { ...env },
    timeout: HELPER_MS_MAX,
  });
  if (error !== undefined)
    throw new OperationError(
      "image",
      program,
      (error as NodeJS.ErrnoException).code === "ENOENT"
        ? "the sign-in file names this helper, which is not installed"
        : hostReason(error),
      { cause: error },
    );
  if (status !== 0) {
    if (KNOWS_NOBODY.test(stdout)) return undefined;
    throw new OperationError(
      "image",
      program,
      (stderr.trim() || stdout.trim() || `ended with status ${status}`).split("\n")[0]!,
    );
  }
  try {
    const { Username, Secret } = JSON.parse(stdout) as { Username?: unknown; Secret?: unknown };
    if (typeof Username === "string" && typeof Secret === "string")
      return Username === "" ? undefined : { username: Username, password: Secret };
  } catch {
    // Said below.
  }
  throw new OperationError("image", program, "answers with what is no name and password");
}

function split(text: string): RegistryCredentials | undefined {
  const colon = text.indexOf(":");
  return colon <= 0 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

function fail(error: Error): never {
  throw error;
}
