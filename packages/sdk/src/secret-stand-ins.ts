/** What programs have instead of secrets (net-secrets.ts). */
import { StratosError, type NetSecret } from "./api.ts";

export type Secrets = Readonly<Record<string, NetSecret>>;

/** Shorter ones might be met by chance. */
const LENGTH_LEAST = 16,
  LENGTH_MOST = 4096;

/**
 * What programs have in the environment variable of that name. It follows from the name and the length alone, so that
 * programs of a saved sandbox, which have it in their memory, go on with it.
 *
 * @throws StratosError of kind option
 */
export function standInOf(name: string, { value }: NetSecret): string {
  const { length } = new TextEncoder().encode(value);
  if (length < LENGTH_LEAST || length > LENGTH_MOST)
    throw wrongSecret(`${name}: a value of ${LENGTH_LEAST} to ${LENGTH_MOST} bytes is expected`);
  let digits = "";
  // FNV-1a, 32 bits for each eight digits.
  for (let part = 0; digits.length < length; part++) {
    let hash = 0x811c9dc5;
    for (const letter of `${part} ${name}`) hash = Math.imul(hash ^ letter.codePointAt(0)!, 0x01000193);
    digits += (hash >>> 0).toString(16).padStart(8, "0");
  }
  return digits.slice(0, length);
}

/** Settings for the environment of programs. @throws StratosError of kind option */
export function standInsOf(secrets: Secrets = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(secrets).map(([name, secret]) => [name, standInOf(name, secret)]));
}

export function wrongSecret(why: string): StratosError<"option"> {
  return new StratosError("option", `net.secrets: ${why}`, { option: "net.secrets" });
}
