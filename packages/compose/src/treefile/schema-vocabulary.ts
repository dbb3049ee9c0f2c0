/** Kinds of value that keys of several subjects of a treefile take, and how lists of two layers become one. */
import { SIZE_PATTERN } from "@stratos/base/bytes-of-size";

/**
 * What a list is when one layer is laid over another (`merge.ts`):
 *
 * - `set`: names, each once. The higher layer's are added; `-PATTERN` takes away those before it that match;
 * - `sequence`: things done or read in order. The higher layer's come after the lower's, and each stays as often as it
 *   is there;
 * - `replaced`: one value in several words, such as a command line. The higher layer's stands in place of the lower's.
 */
export type MergeRule = "set" | "sequence" | "replaced";
export const SET = { "x-merge": "set" } as const;
export const SEQUENCE = { "x-merge": "sequence" } as const;
export const REPLACED = { "x-merge": "replaced" } as const;

export const NAME = {
  type: "string",
  pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
  title: "a name of letters, digits, '.', '_' and '-', which begins with a letter or digit",
} as const;
export const TEXT = { type: "string" } as const;
export const VARIABLE = { pattern: "^[A-Za-z_][A-Za-z0-9_]*$", title: "a name of letters, digits and '_'" } as const;
export const ENVIRONMENT = { type: "object", propertyNames: VARIABLE, additionalProperties: TEXT } as const;
/** Names; `-NAME` takes one of a lower layer away. */
export const WORDS = {
  type: "array",
  ...SET,
  items: { type: "string", pattern: "^\\S+$", title: "a word without blanks" },
} as const;
export const PACKAGES = {
  type: "array",
  ...SET,
  items: {
    type: "string",
    pattern:
      "^-?[a-z0-9*?\\[{][a-z0-9+.*?\\[\\]{},!-]*(:[a-z0-9]+)?(=[A-Za-z0-9.+~:-]+|\\^)?$|^-?[^\\s-][^\\n]*/[^/\\n]" +
      "+\\.deb$",
    title:
      "a package: NAME in small letters, NAME=VERSION, a pattern, TASK^, a file such as ./NAME.deb, or one of " +
      "these after '-'",
  },
} as const;
export const ID = { type: "integer", minimum: 0, maximum: 4294967294 } as const;
export const SECONDS = { type: "number", exclusiveMinimum: 0, maximum: 604800 } as const;
export const MODE = { type: "string", pattern: "^0?[0-7]{3,4}$", title: 'a mode in octal, such as "0644"' } as const;
export const SIZE = { type: "string", pattern: SIZE_PATTERN, title: "a size, such as 4G or 512M" } as const;
/** What is asked for and cannot be had: said so, rather than not known. */
export const UNWRITTEN = { "x-unwritten": ["f2fs", "zfs", "ntfs"] } as const;
