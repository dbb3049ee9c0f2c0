/**
 * `SigLevel` of pacman.conf: what is checked, and whose signatures count. Source: pacman.conf(5), "PACKAGE AND DATABASE
 * SIGNATURE CHECKING".
 */

export interface SignatureRule {
  check: "never" | "optional" | "required";
  /** whether any key of the keyring will do, trusted or not */
  trustAll: boolean;
}

export interface SignatureLevel {
  package: SignatureRule;
  database: SignatureRule;
}

export const DEFAULT_SIGNATURE_LEVEL: SignatureLevel = {
  package: { check: "optional", trustAll: false },
  database: { check: "optional", trustAll: false },
};

/** `start` as changed by `words`, from left to right; undefined names the word that is not known. */
export function applySignatureLevel(
  start: SignatureLevel,
  words: readonly string[],
): SignatureLevel | { unknown: string } {
  const level: SignatureLevel = { package: { ...start.package }, database: { ...start.database } };
  for (const word of words) {
    const match = /^(Package|Database)?(Never|Optional|Required|TrustedOnly|TrustAll)$/.exec(word);
    if (match === null) return { unknown: word };
    for (const kind of ["package", "database"] as const) {
      if (match[1] !== undefined && match[1].toLowerCase() !== kind) continue;
      switch (match[2]) {
        case "TrustedOnly":
          level[kind].trustAll = false;
          break;
        case "TrustAll":
          level[kind].trustAll = true;
          break;
        default:
          level[kind].check = match[2]!.toLowerCase() as SignatureRule["check"];
      }
    }
  }
  return level;
}
