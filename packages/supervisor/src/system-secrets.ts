/**
 * Secrets of a system: their values are in memory alone, the supervisor's and its engine's. What is kept of them says
 * whose they are and how long: programs of what was saved have stand-ins of that length.
 */
import { type NetSecret, type SecretPlace, StratosError, type SystemSpec } from "@stratos/sdk/api";

/** By name of the environment variable. */
export type Secrets = Readonly<Record<string, NetSecret>>;
type SecretPlaces = Readonly<Record<string, SecretPlace>>;

/** As a spec has them. */
export function placesOf(secrets: Secrets): Pick<SystemSpec, "secrets"> {
  const places = Object.entries(secrets).map(([name, { value, hosts }]) => [name, { hosts, bytes: bytesOf(value) }]);
  return places.length === 0 ? {} : { secrets: Object.fromEntries(places) as SecretPlaces };
}

function bytesOf(value: string): number {
  return new TextEncoder().encode(value).length;
}

/** Names of those that nobody has told. */
export function missingSecrets({ secrets: places = {} }: SystemSpec, told: Secrets): string[] {
  return Object.keys(places).filter((name) => !Object.hasOwn(told, name));
}

/** @param what  has them. @throws StratosError of kind option: they are not those that it has, or of other lengths */
export function requireSecrets(what: string, spec: SystemSpec, told: Secrets): void {
  const refuse = (why: string): StratosError =>
    new StratosError("option", `${what}: ${why}`, { option: "net.secrets" });
  const missing = missingSecrets(spec, told);
  if (missing.length > 0)
    throw refuse(`its secrets are kept nowhere, and are to be told again (--secret NAME=HOST): ${missing.join(", ")}`);
  for (const [name, { value }] of Object.entries(told)) {
    const place = Object.hasOwn(spec.secrets ?? {}, name) ? spec.secrets![name]! : null;
    if (place === null) throw refuse(`it had no secret ${name}`);
    if (place.bytes !== bytesOf(value))
      throw refuse(`${name}: a value of ${place.bytes} bytes is expected, as its programs have a stand-in so long`);
  }
}
